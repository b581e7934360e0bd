/* A server that executes another program than the caller's: functions of shared libraries run there, functions of the
 * caller's program do not. */
#include "library.h"
#include "servers.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

static const char *host_program(void)
{
	static char path[PATH_MAX], real[PATH_MAX];

	snprintf(path, sizeof(path), "%s", built(""));
	strcpy(strstr(path, "/test/lib/"), "/beget-host");
	assert_non_null(realpath(path, real));
	return real;
}

static const struct beget_options *by(enum beget_method method, struct beget_server *s)
{
	static struct beget_options o;

	o = (struct beget_options){.size = sizeof(o), .method = method, .server = s};
	return &o;
}

/* Expects that a child executes the program. The target is readlink itself, from a library that every program has. */
static void expect_program(const struct beget_options *o, const char *path)
{
	char text[PATH_MAX] = "";
	struct beget_process *p = start_with(
		o, BEGET_CALL(readlink, "/proc/self/exe", BEGET_OUT(text, PATH_MAX - 1), (size_t)PATH_MAX - 1));
	expect_exit(p, 0);
	assert_string_equal(text, path);
}

/* By its name. */
static void the_librarys_own(enum beget_method method)
{
	setenv("BEGET_HOST", host_program(), 1);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = "beget-host"));
	unsetenv("BEGET_HOST");
	expect_program(by(method, s), host_program());
	beget_server_close(s);
}

static int call_int(const struct beget_options *o, void *library, const char *name)
{
	struct beget_call call = {.function = symbol(library, name), .result = BEGET_TYPE_INT};

	return int_result_with(o, &call);
}

static void runs_functions_of_libraries(enum beget_method method)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program()));
	void *plugin = load(built("plugin.so"));
	int (*apply)(int (*)(int, int), int, int);
	int (*add)(int, int);
	function f = symbol(plugin, "plugin_apply"), g = symbol(plugin, "plugin_add");

	memcpy(&apply, &f, sizeof(f));
	memcpy(&add, &g, sizeof(g));
	expect_program(by(method, s), host_program());
	assert_int_equal(call_int(by(method, s), plugin, "plugin_number"), 1);
	assert_int_equal(int_result_with(by(method, s), BEGET_CALL(apply, add, 40, 2)), 42);
	beget_server_close(s);
	dlclose(plugin);
}

/* Libraries that the caller's program is linked with: a fresh image of it would have them, the other program does
 * not. */
static void and_of_those_linked_in(enum beget_method method)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program()));
	struct beget_process *p = start_with(by(method, s), BEGET_CALL(zlibVersion));
	const char *version;

	assert_int_equal(beget_join(p, SOON_MS, NULL), 0);
	assert_int_equal(beget_result(p, &version), 0);
	assert_string_equal(version, zlibVersion());
	beget_free(p);
	beget_server_close(s);
}

static int own(int a, int b)
{
	return a + b;
}

static void refuse(const struct beget_options *o, const struct beget_call *call, const char *words)
{
	struct beget_process *p = NULL;
	char text[4000];

	assert_int_equal(beget_start(&p, o, call), -EOPNOTSUPP);
	assert_null(p);
	assert_non_null(strstr(beget_error(), words));
	assert_true(beget_explain(o, call, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, words));
	assert_non_null(strstr(text, host_program()));
}

static void nothing_of_the_callers_own(enum beget_method method)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program()));
	void *plugin = load(built("plugin.so"));
	int (*apply)(int (*)(int, int), int, int);
	function f = symbol(plugin, "plugin_apply");

	memcpy(&apply, &f, sizeof(f));
	refuse(by(method, s), BEGET_CALL(own, 1, 2), "belongs to this program");
	refuse(by(method, s), BEGET_CALL(apply, own, 1, 2), "belongs to this program");
	refused(BEGET_SERVER_OPTIONS(.executable = host_program(), .prepare = BEGET_CALL(own, 1, 2)), -EOPNOTSUPP,
	        "belongs to this program");
	beget_server_close(s);
	dlclose(plugin);
}

/* Preloaded libraries and a prepare call, as in any server; children with forkserver have them. */
static void prepared(enum beget_method method)
{
	void *plugin = load(built("plugin.so"));
	function f = symbol(plugin, "plugin_keep");
	int (*keep)(int);
	char path[PATH_MAX];
	const char *preload[] = {path, NULL};

	(void)method;
	snprintf(path, sizeof(path), "%s", built("plugin.so"));
	memcpy(&keep, &f, sizeof(f));
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program(), .preload = preload,
	                                                          .prepare = BEGET_CALL(keep, 17)));
	assert_int_equal(call_int(by(BEGET_FORKSERVER, s), plugin, "plugin_kept"), 17);
	assert_int_equal(call_int(by(BEGET_SPAWN, s), plugin, "plugin_kept"), 0);
	kill_server(s);
	assert_int_equal(call_int(by(BEGET_FORKSERVER, s), plugin, "plugin_kept"), 17);
	beget_server_close(s);
	dlclose(plugin);
}

static void with_spares(enum beget_method method)
{
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.executable = host_program(), .spares = 2, .spawn_spares = 2));
	void *plugin = load(built("plugin.so"));

	for (int i = 0; i < 6; i++) {
		sleep_ms(10);
		expect_program(by(method, s), host_program());
		assert_int_equal(call_int(by(method, s), plugin, "plugin_number"), 1);
	}
	beget_server_close(s);
	dlclose(plugin);
}

/* Children of a child execute that program too, and do not use our helper. */
static void children_of_its_children(enum beget_method method)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program()));
	void *nested = load(built("nested.so"));

	assert_int_equal(call_int(by(method, s), nested, "nested_number"), 7);
	assert_int_equal(call_int(by(method, s), nested, "nested_family"), 1);
	beget_server_close(s);
	dlclose(nested);
}

/* The host program finds its library beside itself; a copy of it needs LD_LIBRARY_PATH. */
static void copy_host(const char *to)
{
	char command[3 * PATH_MAX], folder[PATH_MAX];

	snprintf(command, sizeof(command), "cp %s %s", host_program(), to);
	assert_int_equal(system(command), 0);
	snprintf(folder, sizeof(folder), "%s", host_program());
	*strrchr(folder, '/') = '\0';
	assert_int_equal(setenv("LD_LIBRARY_PATH", folder, 1), 0);
}

/* The file at the time of opening is used, even if its name or directory disappears. */
static void pinned(enum beget_method method)
{
	char folder[] = "/tmp/beget_executable.XXXXXX", copy[PATH_MAX], was[PATH_MAX];

	assert_non_null(getcwd(was, sizeof(was)));
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	copy_host("program");
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = "./program"));
	assert_int_equal(unlink("program"), 0);
	assert_int_equal(chdir(was), 0);
	assert_int_equal(rmdir(folder), 0);
	snprintf(copy, sizeof(copy), "%s/program (deleted)", folder);
	expect_program(by(method, s), copy);
	kill_server(s);
	expect_program(by(method, s), copy);
	beget_server_close(s);
	unsetenv("LD_LIBRARY_PATH");
}

static void what_cannot_be_executed(enum beget_method method)
{
	char copy[] = "/tmp/beget_executable.XXXXXX";

	(void)method;
	refused(BEGET_SERVER_OPTIONS(.executable = "/nowhere"), -ENOENT, "/nowhere");
	refused(BEGET_SERVER_OPTIONS(.executable = ""), -ENOENT, "executable");
	refused(BEGET_SERVER_OPTIONS(.executable = "/tmp"), -EACCES, "/tmp");
	refused(BEGET_SERVER_OPTIONS(.executable = "/etc/passwd"), -EACCES, "/etc/passwd");
	/* The program exits without a message. */
	refused(BEGET_SERVER_OPTIONS(.executable = "/bin/false"), -ECONNRESET, "false: the server");
	int fd = mkstemp(copy);
	assert_true(fd >= 0);
	close(fd);
	copy_host(copy);
	assert_int_equal(chmod(copy, 04755), 0);
	refused(BEGET_SERVER_OPTIONS(.executable = copy), -EPERM, copy);
	assert_int_equal(unlink(copy), 0);
	unsetenv("LD_LIBRARY_PATH");
}

/* The host has closed our descriptor, and another file has its number. */
static void a_descriptor_that_is_gone(enum beget_method method)
{
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.executable = host_program()));
	struct beget_process *p;
	struct stat program, st;
	int other = -1;

	assert_int_equal(stat(host_program(), &program), 0);
	for (int fd = before; fd < before + 20 && other < 0; fd++)
		if (fstat(fd, &st) == 0 && st.st_ino == program.st_ino && st.st_dev == program.st_dev)
			other = fd;
	assert_true(other >= 0);
	kill_server(s);
	assert_int_equal(dup2(before, other), other);
	assert_int_equal(beget_start(&p, by(method, s), BEGET_CALL(getpid)), -ESTALE);
	assert_non_null(strstr(beget_error(), "beget-host"));
	beget_server_close(s);
	assert_int_equal(fcntl(other, F_GETFD), 0); /* the library has not closed the host's file */
	close(other);
	close(before);
}

int main(int argc, char **argv)
{
	enum { BOTH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN), FORKSERVER = BY(BEGET_FORKSERVER) };
	static const struct behaviour table[] = {
		BEHAVIOUR_OF(runs_functions_of_libraries, BOTH),
		BEHAVIOUR_OF(the_librarys_own, BOTH),
		BEHAVIOUR_OF(and_of_those_linked_in, BOTH),
		BEHAVIOUR_OF(nothing_of_the_callers_own, BOTH),
		BEHAVIOUR_OF(prepared, FORKSERVER),
		BEHAVIOUR_OF(with_spares, BOTH),
		BEHAVIOUR_OF(children_of_its_children, BOTH),
		BEHAVIOUR_OF(pinned, BOTH),
		BEHAVIOUR_OF(what_cannot_be_executed, FORKSERVER),
		BEHAVIOUR_OF(a_descriptor_that_is_gone, BOTH),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
