/* Launchers that cannot be found, fail, or never execute the program: the start fails with a sentence that quotes them,
 * within its time limit, and leaves nothing behind. For spawn and for a server. */
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void unreached(void)
{
	_exit(1);
}

static bool by_server;

/* Starts through a server or with spawn, and returns the error. */
static int try(const char *const *launcher, int timeout_ms)
{
	struct beget_process *p;
	struct beget_server *s;
	int error;

	if (by_server) {
		error = beget_server_open(&s, BEGET_SERVER_OPTIONS(.launcher = launcher, .timeout_ms = timeout_ms));
		if (!error)
			beget_server_close(s);
		return error;
	}
	error = beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = launcher, .timeout_ms = timeout_ms),
	                    BEGET_CALL(unreached));
	if (!error) {
		beget_join(p, 10000, NULL);
		beget_free(p);
	}
	return error;
}

static void fails(const char *const *launcher, int timeout_ms, int code, const char *words)
{
	int before = count_descriptors();

	for (int i = 0; i < 2; i++) {
		by_server = i;
		int error = try(launcher, timeout_ms);
		if (error != code || !strstr(beget_error(), words))
			fail_msg("%s: %d, not %d: %s (\"%s\")", i ? "server" : "spawn", error, code, beget_error(),
			         words);
		assert_int_equal(count_descriptors(), before);
	}
}
#define LAUNCHER(...)                                                                                                  \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

static void not_found(void)
{
	fails(LAUNCHER("no-such-launcher"), 0, -ENOENT, "cannot find the launcher no-such-launcher");
	fails(LAUNCHER("./no/such/launcher"), 0, -ENOENT, "cannot find the launcher ./no/such/launcher");
	fails(LAUNCHER("/etc/passwd"), 0, -EACCES, "cannot find the launcher /etc/passwd");
	fails(LAUNCHER("/"), 0, -EACCES, "cannot find the launcher /");
	fails(LAUNCHER(""), 0, -EINVAL, "the launcher has no name");
	fails((const char *const[]){NULL}, 0, -EINVAL, "the launcher has no name");
}

static void not_executable(void)
{
	char path[] = "/tmp/launcher.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, "nothing that runs", 17) == 17 && fchmod(fd, 0755) == 0);
	close(fd);
	fails(LAUNCHER(path), 0, -ENOEXEC, "cannot execute the launcher /tmp/launcher.");
	unlink(path);
}

static void fails_at_once(void)
{
	fails(LAUNCHER("false"), 0, -ECONNRESET,
	      "the launcher false ended and did not execute the program, and printed");
	fails(LAUNCHER("true"), 10000, -ECONNRESET, "the launcher true ended");
	fails(LAUNCHER("sh", "-c", "kill -9 $$"), 0, -ECONNRESET, "the launcher sh ended");
}

static void is_quoted(void)
{
	fails(LAUNCHER("sh", "-c", "echo no room >&2; exit 3"), 0, -ECONNRESET,
	      "the launcher sh ended and did not execute the program: no room");
	fails(LAUNCHER("sh", "-c", "printf 'one\\ntwo\\n\\n' >&2; exit 3"), 0, -ECONNRESET, "program: one; two");
	fails(LAUNCHER("sh", "-c", "i=0; while [ $i -lt 99 ]; do echo line $i; i=$((i + 1)); done >&2; exit 3"), 0,
	      -ECONNRESET, "; line 98");
	fails(LAUNCHER("sh", "-c", "echo wait >&2; sleep 60"), 200, -ETIMEDOUT, "within 200 ms: wait");
}

/* The output is limited, and the launcher does not wait for a reader. */
static void says_too_much(void)
{
	fails(LAUNCHER("sh", "-c", "yes >&2 2>/dev/null; exit 0"), 10000, -ECONNRESET, "y; y; y");
}

/* The process group of the launcher and its children is empty afterwards. */
static void never_executes(void)
{
	char path[] = "/tmp/launched.XXXXXX", script[100];
	int fd = mkstemp(path);
	pid_t pid = 0;

	assert_true(fd >= 0);
	snprintf(script, sizeof(script), "echo $$ > %s; sleep 60 & sleep 60", path);
	for (int i = 0; i < 2; i++) {
		by_server = i;
		assert_int_equal(try(LAUNCHER("sh", "-c", script), scaled(500)), -ETIMEDOUT);
		assert_non_null(strstr(beget_error(), "the launcher sh did not execute the program within"));
		FILE *f = fopen(path, "re");
		assert_true(f && fscanf(f, "%d", &pid) == 1);
		fclose(f);
		for (int64_t end = now_ms() + 5000; kill(-pid, 0) == 0 && now_ms() < end;)
			sleep_ms(5);
		assert_true(kill(-pid, 0) < 0 && errno == ESRCH);
	}
	close(fd);
	unlink(path);
}

/* They exit, and leave a process that holds the helper's socket. */
static void leaves_one_behind(void)
{
	fails(LAUNCHER("sh", "-c", "sleep 60 & echo gone >&2"), 500, -ETIMEDOUT, "within 500 ms: gone");
}

/* A launcher that executes the program without its descriptors. */
static void without_the_channel(void)
{
	fails(LAUNCHER("sh", "-c", "exec 3>&- \"$@\"", "sh"), 0, -ECONNRESET, "this argument is reserved");
}

static void refused_with(const struct beget_options *o, int code, const char *words)
{
	struct beget_process *p;

	assert_int_equal(beget_start(&p, o, BEGET_CALL(unreached)), code);
	if (!strstr(beget_error(), words))
		fail_msg("%s (\"%s\")", beget_error(), words);
}

static void refused_options(void)
{
	const char *const *env = LAUNCHER("env");
	struct beget_server *s;

	refused_with(BEGET_OPTIONS(.launcher = env), -EINVAL, "forkserver cannot use a launcher");
	refused_with(BEGET_OPTIONS(.method = BEGET_FORK, .launcher = env), -EINVAL, "fork cannot use a launcher");
	refused_with(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = env, .cwd = "/"), -EOPNOTSUPP,
	             "cannot set the working directory");
	assert_int_equal(beget_server_open(&s, BEGET_SERVER_OPTIONS(.launcher = env, .spawn_spares = 1)), -EINVAL);
	assert_int_equal(beget_server_open(&s, BEGET_SERVER_OPTIONS(.launcher = env)), 0);
	refused_with(BEGET_OPTIONS(.server = s, .cwd = "/"), -EOPNOTSUPP, "cannot set the working directory");
	refused_with(BEGET_OPTIONS(.method = BEGET_SPAWN, .server = s, .launcher = env), -EINVAL,
	             "the server already has a launcher");
	beget_server_close(s);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(not_found),         UNIT(not_executable),      UNIT(fails_at_once),
		UNIT(is_quoted),         UNIT(says_too_much),       UNIT(never_executes),
		UNIT(leaves_one_behind), UNIT(without_the_channel), UNIT(refused_options),
	};

	beget_init(argc, argv);
	setenv("PATH", "/usr/bin:/bin", 1); /* without directories that cannot be searched */
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
