/* Lists of modules: what is written is read, hostile lists are refused, and only the intended file is loaded, whatever
 * the file contains. */
#include "program/module.h"
#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static char bytes[65536];

static struct beget__reader reader_of(struct beget__writer *w)
{
	const struct iovec *iov = NULL;

	assert_int_equal(beget__bytes_finish(w, &iov), 1);
	assert_true(iov->iov_len <= sizeof(bytes));
	memcpy(bytes, iov->iov_base, iov->iov_len);
	struct beget__reader r = {bytes, 0, iov->iov_len, false};
	beget__bytes_free(w);
	return r;
}

static void all_that_a_function_needs(void)
{
	struct beget__writer w = {0};
	struct beget__modules modules;
	struct beget__module m = {.path = NULL};
	bool libc = false;

	beget__module_put(&w, (uintptr_t)all_that_a_function_needs, false, true);
	struct beget__reader r = reader_of(&w);
	size_t size = r.size;
	beget__module_get(&r, &modules);
	assert_false(r.bad);
	assert_int_equal(r.at, r.size);
	assert_int_equal(modules.size, size - sizeof(uint32_t));
	struct beget__reader each = {modules.bytes, 0, modules.size, false};
	while (beget__module_next(&each, &m)) {
		libc |= strstr(m.path, "/" LIBC_NAME) != NULL;
		assert_true(m.build.size > 0);
		assert_false(m.build.hashed);
	}
	assert_false(each.bad);
#ifdef __GLIBC__ /* musl's libc is its loader, and no module needs it by the name of the loader's file */
	assert_true(libc);
#else
	assert_false(libc);
#endif
	assert_string_equal(m.path, ""); /* the program itself comes last */
	for (size_t n = 0; n < size; n++) {
		r = (struct beget__reader){bytes, 0, n, false};
		beget__module_get(&r, &modules);
		assert_true(r.bad);
		assert_int_equal(modules.size, 0);
	}
}

struct place {
	const char *name;
	uintptr_t address;
};

static int code_of(struct dl_phdr_info *m, size_t size, void *data)
{
	struct place *place = data;

	(void)size;
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (m->dlpi_phdr[i].p_type == PT_LOAD && (m->dlpi_phdr[i].p_flags & PF_X) && m->dlpi_name &&
		    strstr(m->dlpi_name, place->name))
			place->address = m->dlpi_addr + m->dlpi_phdr[i].p_vaddr;
	return 0;
}

/* Without beget_init, a fresh image is the host program. Code in no module needs no list. */
static void what_is_everywhere(void)
{
	struct place places[] = {{"/" LIBC_NAME, 0}, {"/ld-linux", 0}, {"vdso", 0}};
	struct beget__modules modules;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct beget__writer w = {0};
		dl_iterate_phdr(code_of, &places[i]);
		assert_true(i > 0 || places[i].address != 0);
		beget__module_put(&w, places[i].address, false, false);
		struct beget__reader r = reader_of(&w);
		beget__module_get(&r, &modules);
		assert_int_equal(modules.size, 0);
	}
}

/* The number of modules that a fresh image lacks for the code. */
static size_t lacking(uintptr_t address)
{
	struct beget__writer w = {0};
	size_t n = 0;

	beget__module_put(&w, address, false, false);
	struct beget__reader r = reader_of(&w);
	n = beget__bytes_get_u32(&r);
	return n;
}

static void what_was_there_when_remembered(void)
{
	uintptr_t mocka = (uintptr_t)dlsym(RTLD_DEFAULT, "_cmocka_run_group_tests");

	assert_true(lacking(mocka) > 0);
	beget__module_remember();
	assert_int_equal(lacking(mocka), 0);
	void *library = load(built("needs.so"));
	assert_int_equal(lacking(mocka), 0);
	assert_int_equal(lacking((uintptr_t)what_was_there_when_remembered), 0);
	assert_int_equal(lacking((uintptr_t)dlsym(library, "needs_number")), 2);
	beget__module_remember();
	assert_int_equal(lacking((uintptr_t)dlsym(library, "needs_number")), 0);
	dlclose(library);
}

static void nothing_to_list(void)
{
	static int data;
	const uintptr_t addresses[] = {0, 8, (uintptr_t)&data, UINTPTR_MAX};
	struct beget__modules modules;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct beget__writer w = {0};
		beget__module_put(&w, addresses[i], false, true);
		struct beget__reader r = reader_of(&w);
		beget__module_get(&r, &modules);
		assert_false(r.bad);
		assert_int_equal(modules.size, 0);
		assert_int_equal(beget__module_load(&modules), 0);
	}
}

/* A list with one entry. */
static struct beget__reader one(uint32_t n, const char *path, uint32_t flags, uint32_t id_size, const void *id,
                                size_t there)
{
	struct beget__writer w = {0};

	beget__bytes_put_u32(&w, n);
	beget__bytes_put_string(&w, path);
	beget__bytes_put_u32(&w, flags);
	beget__bytes_put_u32(&w, id_size);
	beget__bytes_put(&w, id, there);
	return reader_of(&w);
}

static void lists_that_lie(void)
{
	static const char id[200] = {1};
	struct beget__modules modules;
	struct beget__reader lies[] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		switch (i) {
		case 0: lies[i] = one(2, "/x.so", 1, 20, id, 20); break;
		case 1: lies[i] = one(UINT32_MAX, "/x.so", 1, 20, id, 20); break;
		case 2: lies[i] = one(1, NULL, 1, 20, id, 20); break;
		case 3: lies[i] = one(1, "/x.so", 4, 20, id, 20); break;
		case 4: lies[i] = one(1, "/x.so", 1, 0, id, 0); break;
		case 5: lies[i] = one(1, "/x.so", 1, BEGET__BUILD_MAX + 1, id, BEGET__BUILD_MAX + 1); break;
		default: lies[i] = one(1, "/x.so", 1, UINT32_MAX, id, 100); break;
		}
		beget__module_get(&lies[i], &modules);
		assert_true(lies[i].bad);
		assert_int_equal(modules.size, 0);
	}
}

static void expect_not_loaded(const char *path, int error)
{
	struct beget__modules modules;
	struct beget__reader r = one(1, path, 1, 1, "x", 1);

	beget__module_get(&r, &modules);
	assert_false(r.bad);
	int got = beget__module_load(&modules);
	if (got != error)
		fail_msg("%s: %d, not %d: %s", path, got, error, beget_error());
	assert_non_null(strstr(beget_error(), path));
	assert_null(dlopen(path, RTLD_NOW | RTLD_NOLOAD));
}

static void files_that_are_none(void)
{
	expect_not_loaded("/no/such/file.so", -ENOENT);
	expect_not_loaded("/etc/passwd/file.so", -ENOENT);
	expect_not_loaded("/", -ESTALE);
	expect_not_loaded("/etc/passwd", -ESTALE);
	expect_not_loaded("/proc/self/exe", -EOPNOTSUPP);
	expect_not_loaded("/dev/zero", -EOPNOTSUPP);
}

/* Every byte of a library's headers and notes, changed in three ways: the file is read, and is not taken for the
 * library. */
static void files_that_lie(void)
{
	char path[PATH_MAX], text[100000], whole[PATH_MAX * 2];
	int in = open(built("plugin.so"), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(in, text, sizeof(text));

	close(in);
	assert_true(n > 1024);
	strcpy(path, "/tmp/beget_module.XXXXXX");
	int out = mkstemp(path);
	assert_true(out >= 0 && write(out, text, (size_t)n) == n);
	snprintf(whole, sizeof(whole), "%s", path);
	for (int i = 0; i < 1024; i++) {
		static const char masks[] = {1, 0x7f, (char)0xff};
		for (size_t k = 0; k < sizeof(masks); k++) {
			char changed = (char)(text[i] ^ masks[k]);
			assert_int_equal(pwrite(out, &changed, 1, i), 1);
			expect_not_loaded(whole, -ESTALE);
		}
		assert_int_equal(pwrite(out, &text[i], 1, i), 1);
	}
	for (off_t size = 0; size < 1024; size += 7) {
		assert_int_equal(ftruncate(out, size), 0);
		expect_not_loaded(whole, -ESTALE);
	}
	close(out);
	unlink(path);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(all_that_a_function_needs),
		UNIT(nothing_to_list),
		UNIT(what_is_everywhere),
		UNIT(what_was_there_when_remembered),
		UNIT(lists_that_lie),
		UNIT(files_that_are_none),
		UNIT(files_that_lie),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
