/* Targets in shared libraries that were loaded after beget_init and after the helper's launch: with every method they
 * run, or the start says why not. */
#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* A call of an int f(void). */
static struct beget_call call_of(void *library, const char *name)
{
	return (struct beget_call){.function = symbol(library, name), .result = BEGET_TYPE_INT};
}

static int number(enum beget_method method, void *library, const char *name)
{
	struct beget_call call = call_of(library, name);

	return int_result(method, &call);
}

/* A directory for copies. */
static char folder[] = "/tmp/beget_modules.XXXXXX";
static char copy[PATH_MAX];

static const char *in_folder(const char *name)
{
	snprintf(copy, sizeof(copy), "%s/%s", folder, name);
	return copy;
}

static void copy_to(const char *from, const char *to)
{
	char text[3 * PATH_MAX];

	snprintf(text, sizeof(text), "cp %s %s", from, to);
	assert_int_equal(system(text), 0);
}

static void make_folder(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static void remove_folder(void)
{
	char text[100];

	snprintf(text, sizeof(text), "rm -rf %s", folder);
	assert_int_equal(system(text), 0);
}

static void expect_refused(enum beget_method method, const struct beget_call *call, int error, const char *words)
{
	struct beget_process *untouched = (struct beget_process *)&untouched, *p = untouched;
	int got = beget_start(&p, BEGET_OPTIONS(.method = method), call);

	if (got != error || !strstr(beget_error(), words))
		fail_msg("%d, not %d: %s", got, error, beget_error());
	assert_ptr_equal(p, untouched);
	assert_int_equal(strncmp(beget_error(), "caller: ", 8), 0);
}

static void expect_failed(enum beget_method method, const struct beget_call *call, int code, const char *words)
{
	struct beget_process *p = start(method, call);
	char text[600];

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	beget_describe(p, text, sizeof(text));
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, text);
	expect_end(p, BEGET_FAILED, code);
}

/* Loaded later. */

static void a_plugin(enum beget_method method)
{
	void *library = load(built("plugin.so"));
	const char *name = "Ada";
	int a = 20, b = 22;
	struct beget_arg two[] = {{.type = BEGET_TYPE_INT, .value = &a}, {.type = BEGET_TYPE_INT, .value = &b}};
	struct beget_arg one = {.type = BEGET_TYPE_STRING, .value = &name};
	struct beget_call add = {
		.function = symbol(library, "plugin_add"), .result = BEGET_TYPE_INT, .n = 2, .args = two};
	struct beget_call greet = {
		.function = symbol(library, "plugin_greet"), .result = BEGET_TYPE_STRING, .n = 1, .args = &one};

	assert_int_equal(int_result(method, &add), 42);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), &greet), "Hello, Ada");
	dlclose(library);
}

static int own(int n)
{
	return n + 1;
}

/* The program's own functions and those of its initial libraries need no loading, whatever is loaded and unloaded. */
static void modules_that_come_and_go(enum beget_method method)
{
	int n = -5;
	struct beget_arg arg = {.type = BEGET_TYPE_INT, .value = &n};
	struct beget_call absolute = {.function = (function)abs, .result = BEGET_TYPE_INT, .n = 1, .args = &arg};

	for (int i = 0; i < 3; i++) {
		void *library = load(built("plugin.so")), *other = load(built("needs.so"));
		assert_int_equal(int_result(method, BEGET_CALL(own, i)), i + 1);
		assert_int_equal(int_result(method, &absolute), 5);
		dlclose(library);
		assert_int_equal(number(method, other, "needs_number"), 42);
		dlclose(other);
		assert_int_equal(int_result(method, BEGET_CALL(own, i)), i + 1);
		assert_int_equal(int_result(method, &absolute), 5);
	}
}

static void from_the_system(enum beget_method method)
{
	double x = 8, power = 0;
	struct beget_arg arg = {.type = BEGET_TYPE_DOUBLE, .value = &x};
	struct beget_call call = {.function = NULL, .result = BEGET_TYPE_DOUBLE, .n = 1, .args = &arg};
	void *library = load("libm.so.6");

	call.function = symbol(library, "logb");
	struct beget_process *p = start(method, &call);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	if (beget_result(p, &power))
		fail_msg("%s", beget_error());
	assert_true(power == 3);
	expect_exit(p, 0);
	dlclose(library);
}

/* Dependencies. */

static void found_by_its_run_path(enum beget_method method)
{
	void *library = load(built("needs.so"));

	assert_int_equal(number(method, library, "needs_number"), 42);
	dlclose(library);
}

/* The loader can find this dep.so only because the caller has loaded it. */
static void found_because_it_was_there(enum beget_method method)
{
	not_with_musl("it finds no module by its soname that was loaded by its path");
	void *dependency = load(built("other/dep.so")), *library = load(built("needs_only.so"));

	assert_int_equal(number(method, library, "needs_number"), 1002);
	dlclose(library);
	dlclose(dependency);
}

/* The same library finds the dep.so in its run path, unless one of that name is loaded already. */
static void one_name_first_come(enum beget_method method)
{
	not_with_musl("it finds no module by its soname that was loaded by its path");
	void *dependency = load(built("other/dep.so")), *library = load(built("needs.so"));

	assert_int_equal(number(method, library, "needs_number"), 1002);
	dlclose(library);
	dlclose(dependency);
	library = load(built("needs.so"));
	assert_int_equal(number(method, library, "needs_number"), 42);
	dlclose(library);
}

static void in_a_circle(enum beget_method method)
{
	void *library = load(built("hooks.so"));

	assert_int_equal(number(method, library, "hooks_number"), 42);
	dlclose(library);
}

/* In the caller, the symbol came from a library that this one does not list. */
static void what_it_does_not_say(enum beget_method method)
{
	void *dependency = dlopen(built("dep.so"), RTLD_NOW | RTLD_GLOBAL);

	assert_non_null(dependency);
	void *library = load(built("needs_silently.so"));
	struct beget_call call = call_of(library, "needs_number");
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, &call), 42);
	else
		expect_failed(method, &call, -ELIBACC, ": dep_number");
	dlclose(library);
	dlclose(dependency);
}

/* Functions that are arguments are sent with their modules too. */

static int applied(int (*f)(int, int))
{
	return f ? f(20, 22) : -1;
}

static int subtract(int a, int b)
{
	return a - b;
}

static void passed_to_a_function(enum beget_method method)
{
	void *one = load(built("one/twin.so")), *two = load(built("plugin.so"));
	int (*add)(int, int) = (int (*)(int, int))symbol(one, "plugin_add"), (*own_one)(int, int) = subtract;
	int a = 50, b = 8;
	struct beget_arg args[] = {{.type = BEGET_TYPE_FUNCTION, .value = &add},
	                           {.type = BEGET_TYPE_INT, .value = &a},
	                           {.type = BEGET_TYPE_INT, .value = &b}};
	struct beget_call call = {
		.function = symbol(two, "plugin_apply"), .result = BEGET_TYPE_INT, .n = 3, .args = args};

	assert_int_equal(int_result(method, BEGET_CALL(applied, add)), 42);
	assert_int_equal(int_result(method, &call), 58);
	args[0].value = &own_one;
	assert_int_equal(int_result(method, &call), 42);
	dlclose(one);
	dlclose(two);
}

static void passed_and_deleted(enum beget_method method)
{
	make_folder();
	copy_to(built("plugin.so"), in_folder("plugin.so"));
	void *library = load(in_folder("plugin.so"));
	int (*add)(int, int) = (int (*)(int, int))symbol(library, "plugin_add");
	unlink(in_folder("plugin.so"));
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, BEGET_CALL(applied, add)), 42);
	else
		expect_refused(method, BEGET_CALL(applied, add), -ENOENT, "argument 1: the file of the module");
	dlclose(library);
	remove_folder();
}

/* Names. */

static void two_of_one_name(enum beget_method method)
{
	void *one = load(built("one/twin.so")), *two = load(built("two/twin.so"));

	for (int i = 0; i < 2; i++) {
		assert_int_equal(number(method, one, "plugin_number"), 1);
		assert_int_equal(number(method, two, "plugin_number"), 2);
	}
	dlclose(one);
	dlclose(two);
}

static void without_a_build_id(enum beget_method method)
{
	void *library = load(built("no_build_id.so"));
	int a = 6, b = 7;
	struct beget_arg args[] = {{.type = BEGET_TYPE_INT, .value = &a}, {.type = BEGET_TYPE_INT, .value = &b}};
	struct beget_call call = {
		.function = symbol(library, "plain_multiply"), .result = BEGET_TYPE_INT, .n = 2, .args = args};

	assert_int_equal(int_result(method, &call), 43);
	dlclose(library);
}

static void a_relative_path(enum beget_method method)
{
	char before[PATH_MAX];

	assert_non_null(getcwd(before, sizeof(before)));
	make_folder();
	copy_to(built("plugin.so"), in_folder("plugin.so"));
	assert_int_equal(chdir("/tmp"), 0);
	void *below = load(in_folder("plugin.so") + 5); /* beget_modules.../plugin.so */
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(number(method, below, "plugin_number"), 1);
	assert_int_equal(chdir(folder), 0);
	copy_to(built("two/twin.so"), "twin.so");
	void *here = load("./twin.so");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(number(method, here, "plugin_number"), 2);
	dlclose(here);
	dlclose(below);
	remove_folder();
	assert_int_equal(chdir(before), 0);
}

/* Every process has the kernel's own module. */

static int vdso_symbol(struct dl_phdr_info *m, size_t size, void *ret)
{
	uintptr_t base = getauxval(AT_SYSINFO_EHDR);
	const ElfW(Dyn) *d = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *hash = NULL;

	(void)size;
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (m->dlpi_phdr[i].p_type == PT_DYNAMIC && m->dlpi_addr + m->dlpi_phdr[0].p_vaddr == base)
			d = (const void *)(m->dlpi_addr + m->dlpi_phdr[i].p_vaddr);
	for (; d && d->d_tag != DT_NULL; d++) {
		const void *at =
			(const void *)(d->d_un.d_ptr < m->dlpi_addr ? m->dlpi_addr + d->d_un.d_ptr : d->d_un.d_ptr);
		symbols = d->d_tag == DT_SYMTAB ? at : symbols;
		strings = d->d_tag == DT_STRTAB ? at : strings;
		hash = d->d_tag == DT_HASH ? at : hash;
	}
	for (uint32_t i = 0; symbols && strings && hash && i < hash[1]; i++)
		if (strstr(strings + symbols[i].st_name, "clock_gettime"))
			*(uintptr_t *)ret = m->dlpi_addr + symbols[i].st_value;
	return 0;
}

static void in_the_vdso(enum beget_method method)
{
	uintptr_t address = 0;
	int clock = CLOCK_MONOTONIC;
	struct timespec t = {0, 0}, *into = &t;
	struct beget_arg args[] = {{.type = BEGET_TYPE_INT, .value = &clock},
	                           {.type = BEGET_TYPE_OBJECT, .size = sizeof(t), .value = &into}};
	void *library = load(built("plugin.so"));

	dl_iterate_phdr(vdso_symbol, &address);
	if (!address)
		skip();
	struct beget_call call = {.function = (function)address, .result = BEGET_TYPE_INT, .n = 2, .args = args};
	assert_int_equal(int_result(method, &call), 0);
	dlclose(library);
}

/* Files that have changed. */

static void expect_gone(enum beget_method method, void *library, const char *name, int error, const char *words)
{
	struct beget_call call = call_of(library, name);

	if (method == BEGET_FORK)
		assert_true(int_result(method, &call) > 0);
	else
		expect_refused(method, &call, error, words);
}

static void a_deleted_file(enum beget_method method)
{
	make_folder();
	copy_to(built("plugin.so"), in_folder("plugin.so"));
	void *plugin = load(in_folder("plugin.so"));
	assert_int_equal(number(method, plugin, "plugin_number"), 1);
	unlink(in_folder("plugin.so"));
	expect_gone(method, plugin, "plugin_number", -ENOENT, "plugin.so has been deleted");
	remove_folder();
	dlclose(plugin);
}

static void a_deleted_dependency(enum beget_method method)
{
	not_with_musl("it never unloads, so the module gets the dep.so of an earlier test");
	make_folder();
	copy_to(built("needs.so"), in_folder("needs.so"));
	copy_to(built("dep.so"), in_folder("dep.so"));
	void *needs = load(in_folder("needs.so"));
	assert_int_equal(number(method, needs, "needs_number"), 42);
	unlink(in_folder("dep.so"));
	expect_gone(method, needs, "needs_number", -ENOENT, "dep.so has been deleted");
	remove_folder();
	expect_gone(method, needs, "needs_number", -ENOENT, "has been deleted");
	dlclose(needs);
}

static void put_new_in_place(void)
{
	char from[PATH_MAX];

	strcpy(from, in_folder("new"));
	assert_int_equal(rename(from, in_folder("plugin.so")), 0);
}

static void replace(const char *by)
{
	copy_to(by, in_folder("new"));
	put_new_in_place();
}

static void a_replaced_file(enum beget_method method)
{
	make_folder();
	copy_to(built("one/twin.so"), in_folder("plugin.so"));
	void *plugin = load(in_folder("plugin.so"));
	replace(built("two/twin.so"));
	expect_gone(method, plugin, "plugin_number", -ESTALE, "plugin.so has been replaced");
	replace("/proc/self/status");
	expect_gone(method, plugin, "plugin_number", -ESTALE, "plugin.so has been replaced");
	replace("/dev/null");
	expect_gone(method, plugin, "plugin_number", -ESTALE, "plugin.so has been replaced");
	unlink(in_folder("plugin.so"));
	mkfifo(in_folder("plugin.so"), 0600); /* and no call waits for a writer */
	expect_gone(method, plugin, "plugin_number", -ESTALE, "plugin.so has been replaced");
	replace(built("one/twin.so"));
	assert_int_equal(number(method, plugin, "plugin_number"), 1);
	dlclose(plugin);
	remove_folder();
}

static void a_replaced_file_without_a_build_id(enum beget_method method)
{
	int a = 6, b = 7;
	struct beget_arg args[] = {{.type = BEGET_TYPE_INT, .value = &a}, {.type = BEGET_TYPE_INT, .value = &b}};

	make_folder();
	copy_to(built("no_build_id.so"), in_folder("plugin.so"));
	void *plugin = load(in_folder("plugin.so"));
	struct beget_call call = {
		.function = symbol(plugin, "plain_add"), .result = BEGET_TYPE_INT, .n = 2, .args = args};
	replace(built("no_build_id.so"));
	assert_int_equal(int_result(method, &call), 13);
	/* One byte of its code changes, and nothing else. */
	const struct link_map *map = plugin;
	copy_to(built("no_build_id.so"), in_folder("new"));
	FILE *f = fopen(copy, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, (long)((uintptr_t)call.function - map->l_addr), SEEK_SET), 0);
	fputc(0xcc, f);
	fclose(f);
	put_new_in_place();
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, &call), 13);
	else
		expect_refused(method, &call, -ESTALE, "plugin.so has been replaced");
	dlclose(plugin);
	remove_folder();
}

/* The descriptor is the caller's; in the child, its number may be another file. */
static void loaded_from_memory(enum beget_method method)
{
	char path[40], bytes[100000];
	int from = open(built("plugin.so"), O_RDONLY | O_CLOEXEC), fd = memfd_create("plugin", MFD_CLOEXEC);
	ssize_t n = read(from, bytes, sizeof(bytes));

	assert_true(n > 0 && n < (ssize_t)sizeof(bytes) && write(fd, bytes, (size_t)n) == n);
	close(from);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	void *library = load(path);
	expect_gone(method, library, "plugin_number", -EOPNOTSUPP, "was loaded from a descriptor");
	close(fd);
	expect_gone(method, library, "plugin_number", -EOPNOTSUPP, "was loaded from a descriptor");
	dlclose(library);
}

/* Constructors, which run in the child before the target. */

static void constructors(enum beget_method method)
{
	void *library = load(built("constructor.so"));
	struct beget_call call = call_of(library, "constructor_number");

	setenv("CONSTRUCTOR", "exits", 1);
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, &call), 7);
	else
		expect_failed(method, &call, -ECANCELED,
		              "a constructor of a module that the target needs " EXITED_WITH("0"));
	setenv("CONSTRUCTOR", "aborts", 1);
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, &call), 7);
	else
		expect_end(start(method, &call), BEGET_SIGNALED, SIGABRT);
	setenv("CONSTRUCTOR", "forks", 1);
	assert_int_equal(int_result(method, &call), 7);
	unsetenv("CONSTRUCTOR");
	assert_int_equal(int_result(method, &call), 7);
	dlclose(library);
}

/* Children that start children. */

static int started_below(int method, const char *path, const char *name)
{
	void *library = dlopen(path, RTLD_NOW);
	void *address = library ? dlsym(library, name) : NULL;
	struct beget_call call = {.function = (function)(uintptr_t)address, .result = BEGET_TYPE_INT};
	struct beget_process *p;
	int n = -1;

	if (!address || beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), &call) < 0)
		return -2;
	if (beget_join(p, 10000, NULL) < 0 || beget_result(p, &n) < 0)
		n = -3;
	beget_free(p);
	return n;
}

static void nested(enum beget_method method)
{
	void *library = load(built("needs.so"));

	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++) {
		assert_int_equal(int_result(method, BEGET_CALL(started_below, m, built("needs.so"), "needs_number")),
		                 42);
		assert_int_equal(int_result(method, BEGET_CALL(started_below, m, built("plugin.so"), "plugin_number")),
		                 1);
	}
	dlclose(library);
}

/* Another thread loads and unloads libraries all the time. */

static atomic_bool enough;

static void *comes_and_goes(void *path)
{
	while (!enough) {
		void *library = dlopen(path, RTLD_NOW);
		if (library)
			dlclose(library);
	}
	return NULL;
}

static void while_others_load(enum beget_method method)
{
	char path[PATH_MAX];
	void *library = load(built("plugin.so"));
	struct beget_call call = call_of(library, "plugin_number");
	pthread_t t;
	int wrong = 0;

	strcpy(path, built("needs.so"));
	enough = false;
	assert_int_equal(pthread_create(&t, NULL, comes_and_goes, path), 0);
	for (int i = 0; i < 100; i++) {
		struct beget_process *p = NULL;
		int n = 0;
		wrong += beget_start(&p, BEGET_OPTIONS(.method = method), &call) < 0 ||
		         beget_join(p, 10000, NULL) < 0 || beget_result(p, &n) < 0 || n != 1;
		beget_free(p);
	}
	enough = true;
	pthread_join(t, NULL);
	assert_int_equal(wrong, 0);
	dlclose(library);
}

/* The loader frees the names of what it unloads. */
static void described_after_it_is_unloaded(enum beget_method method)
{
	char path[PATH_MAX], text[300];

	strcpy(path, built("plugin.so"));
	void *library = load(path);
	struct beget_call call = call_of(library, "plugin_number");
	struct beget_process *p = start(method, &call);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(dlclose(library), 0);
	for (int i = 0; i < 100; i++) /* takes the memory that the loader freed */
		free(strcpy(malloc(strlen(path) + 1), "none"));
	assert_true(beget_describe(p, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "process plugin_number ("));
	beget_free(p);
}

int main(int argc, char **argv)
{
	enum { FRESH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN) };
	static const struct behaviour table[] = {
		BEHAVIOUR(a_plugin),
		BEHAVIOUR(modules_that_come_and_go),
		BEHAVIOUR(from_the_system),
		BEHAVIOUR(found_by_its_run_path),
		BEHAVIOUR(found_because_it_was_there),
		BEHAVIOUR(one_name_first_come),
		BEHAVIOUR(in_a_circle),
		BEHAVIOUR(what_it_does_not_say),
		BEHAVIOUR(passed_to_a_function),
		BEHAVIOUR(passed_and_deleted),
		BEHAVIOUR(two_of_one_name),
		BEHAVIOUR(without_a_build_id),
		BEHAVIOUR(a_relative_path),
		BEHAVIOUR(in_the_vdso),
		BEHAVIOUR(a_deleted_file),
		BEHAVIOUR(a_deleted_dependency),
		BEHAVIOUR(a_replaced_file),
		BEHAVIOUR(a_replaced_file_without_a_build_id),
		BEHAVIOUR(loaded_from_memory),
		BEHAVIOUR(constructors),
		BEHAVIOUR(nested),
		BEHAVIOUR_OF(while_others_load, FRESH),
		BEHAVIOUR_OF(described_after_it_is_unloaded, FRESH), /* with fork there is only an address */
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
