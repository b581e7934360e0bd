/* What a launcher sets in a child stays: limits, ids, environment, namespaces. Servers, spares, pools and nested starts
 * inside a sandbox; and a hostile target that tries to leave the sandbox through each descriptor that it has. */
#include "asks.h"
#include "wire/send.h"
#include "kernel.h"
#include "servers.h"

#include <beget/pool.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LAUNCHER(...)                                                                                                  \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}
#define SANDBOX                                                                                                        \
	LAUNCHER("bwrap", "--ro-bind", "/", "/", "--tmpfs", "/mnt", "--dev", "/dev", "--unshare-all", "--new-session")
#define THROUGH(...) BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = LAUNCHER(__VA_ARGS__))

enum { PATIENCE_MS = 20000 };

static int own_pid(void)
{
	return (int)getpid();
}

/* Skips the test if the launcher does not work here. */
static void needs(const char *const *launcher)
{
	struct beget_process *p;

	if (beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = launcher), BEGET_CALL(own_pid)) < 0) {
		print_message("# %s\n", beget_error());
		skip();
	}
	expect_exit(p, 0);
}

static int soft_limit(int resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 ? (int)limit.rlim_cur : -1;
}

static int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
}

static int nice_value(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

static int mask(void)
{
	return (int)umask(0);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "none";
}

static int user(void)
{
	return (int)getuid();
}

static void launcher_decides(void)
{
	assert_int_equal(int_result_with(THROUGH("prlimit", "--nofile=77:77"), BEGET_CALL(soft_limit, RLIMIT_NOFILE)),
	                 77);
	assert_int_equal(int_result_with(THROUGH("taskset", "1"), BEGET_CALL(processors)), 1);
	assert_int_equal(int_result_with(THROUGH("nice", "-n", "7"), BEGET_CALL(nice_value)),
	                 getpriority(PRIO_PROCESS, 0) + 7);
	assert_int_equal(int_result_with(THROUGH("sh", "-c", "umask 035; exec \"$@\"", "sh"), BEGET_CALL(mask)), 035);
	assert_string_equal(text_result_with(THROUGH("env", "BEGET_TEST=1"), BEGET_CALL(variable, "BEGET_TEST")), "1");
	assert_int_equal(int_result_with(THROUGH("/proc/self/exe", "unblocked"), BEGET_CALL(user)), getuid());
	if (getuid() == 0)
		assert_int_equal(
			int_result_with(THROUGH("setpriv", "--reuid=65534", "--clear-groups"), BEGET_CALL(user)),
			65534);
}

static int leads_its_group(void)
{
	return getpgrp() == getpid();
}

static void options_decide(void)
{
	const char *const *env = LAUNCHER("env", "BEGET_TEST=1");
	const char *const *few = LAUNCHER("prlimit", "--nofile=77:77", "--msgqueue=500:500");
	struct beget_options o = {.size = sizeof(o), .method = BEGET_SPAWN, .launcher = few};
	struct beget_rlimit limit = {RLIMIT_NOFILE, 55, 55};

	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = env,
	                                                   .env = (char *[]){"BEGET_TEST=2", NULL}),
	                                     BEGET_CALL(variable, "BEGET_TEST")),
	                    "2");
	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = env, .flags = BEGET_NEW_GROUP),
	                        BEGET_CALL(leads_its_group)),
		1);
	o.rlimits = &limit;
	o.rlimits_n = 1;
	assert_int_equal(int_result_with(&o, BEGET_CALL(soft_limit, RLIMIT_NOFILE)), 55);
	assert_int_equal(int_result_with(&o, BEGET_CALL(soft_limit, RLIMIT_MSGQUEUE)), 500);
}

static const char *where(void)
{
	static char directory[PATH_MAX];

	return getcwd(directory, sizeof(directory));
}

/* Later changes in the caller reach children of a server, except for state that a launcher may set. */
static void later_changes(void)
{
	struct beget_server *s = open_server(
		BEGET_SERVER_OPTIONS(.launcher = LAUNCHER("env", "BEGET_TEST=1", "prlimit", "--nofile=77:77")));
	struct beget_options o = {.size = sizeof(o), .server = s};
	struct rlimit before, less;
	char directory[PATH_MAX];

	assert_non_null(getcwd(directory, sizeof(directory)));
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(text_result_with(&o, BEGET_CALL(where)), directory);
	assert_int_equal(chdir(directory), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	less = (struct rlimit){66, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &less);
	assert_int_equal(int_from(s, BEGET_CALL(soft_limit, RLIMIT_NOFILE)), 77);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_string_equal(text_result_with(&o, BEGET_CALL(variable, "BEGET_TEST")), "1");
	setenv("BEGET_TEST", "3", 1);
	mode_t mask_before = umask(0123);
	assert_string_equal(text_result_with(&o, BEGET_CALL(variable, "BEGET_TEST")), "3");
	assert_int_equal(int_from(s, BEGET_CALL(mask)), 0123);
	umask(mask_before);
	unsetenv("BEGET_TEST");
	beget_server_close(s);
}

static int can_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd >= 0)
		unlink(path);
	return fd >= 0;
}

/* Through a directory, a file, a socket. More than 0: it got out. */

static int leaves_by_directory(int fd, const char *mark)
{
	static const char *const ways[] = {"", "../", "../../../../", "tmp/", "../../tmp/"};
	char path[100];
	int out = 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		snprintf(path, sizeof(path), "%s%s", ways[i], mark);
		out += openat(fd, path, O_WRONLY | O_CREAT, 0600) >= 0;
	}
	return out;
}

static int leaves_by_file(int fd)
{
	struct stat st;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0 && open(path, O_WRONLY) >= 0;
}

static void lies(int fd)
{
	struct beget__exit end = {.wait_status = 77 << 8};

	beget__report_send_born(fd, 1, -1);
	beget__report_send_ended(fd, &end);
	beget__request_send_plain(fd, BEGET__RETIRE);
	beget__request_send_tie(fd, 1);
	for (unsigned kind = 0; kind < 30; kind++)
		beget__send_now(fd, kind, "garbage", 7);
}

/* How often it got out. The caller sees the mark only if a file is created outside. */
static int escapes(const char *mark)
{
	struct ucred maker;
	int out = asks_everybody(200);

	for (int fd = 3; fd < 200; fd++) { /* the streams were passed by the caller */
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		out += leaves_by_directory(fd, mark) + leaves_by_file(fd);
		if (beget__sock_maker(fd, &maker) == 0)
			lies(fd);
	}
	return out;
}

static bool exists_outside(const char *mark)
{
	char path[100];
	bool found = access(mark, F_OK) == 0;

	snprintf(path, sizeof(path), "/tmp/%s", mark);
	found |= access(path, F_OK) == 0;
	snprintf(path, sizeof(path), "/%s", mark);
	return found || access(path, F_OK) == 0;
}

/* Its messages are not believed: its status is 0, whatever it sends, and others are served. */
static void stays_inside(const struct beget_options *o)
{
	struct beget_status status;
	char mark[40];

	snprintf(mark, sizeof(mark), "escaped.%d", (int)getpid());
	struct beget_process *p = start_with(o, BEGET_CALL(escapes, mark));
	assert_int_equal(beget_join(p, PATIENCE_MS, &status), 0);
	int out = -1;
	beget_result(p, &out);
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_int_equal(status.code, 0);
	assert_true(out <= 0);
	assert_false(exists_outside(mark));
	beget_free(p);
	assert_int_equal(int_result_with(o, BEGET_CALL(can_write, "/usr/escaped")), 0);
	assert_int_equal(int_result_with(o, BEGET_CALL(can_write, "/mnt/inside")), 1);
}

/* No child of a launcher has a helper's socket, even outside a pid namespace. */
static void alone(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.launcher = LAUNCHER("env")));

	helper_pid(); /* there is one to ask */
	assert_int_equal(int_result_with(THROUGH("env"), BEGET_CALL(asks_everybody, 3000)), 0);
	assert_int_equal(int_from(s, BEGET_CALL(asks_everybody, 3000)), 0);
	beget_server_close(s);
}

static void hostile_target(void)
{
	needs(SANDBOX);
	helper_pid(); /* there is a helper outside that could be asked */
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.launcher = SANDBOX, .spares = 1));
	for (int tied = 0; tied < 2; tied++) {
		stays_inside(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = SANDBOX, .flags = tied ? BEGET_TIED : 0));
		stays_inside(BEGET_OPTIONS(.server = s, .flags = tied ? BEGET_TIED : 0));
	}
	beget_server_close(s);
}

/* The next helper after a lost one is inside the sandbox too. */
static void a_lost_server(void)
{
	needs(SANDBOX);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.launcher = SANDBOX, .prepare = BEGET_CALL(loads, "sandbox", 100)));
	for (int i = 0; i < 3; i++) {
		assert_string_equal(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)),
		                    "model of sandbox");
		assert_int_equal(int_from(s, BEGET_CALL(can_write, "/usr/escaped")), 0);
		assert_int_equal(status_of(s).children, 0);
		kill_server(s);
	}
	beget_server_close(s);
}

/* As process 1 of its namespace, a server works like any other. */
static void process_one(void)
{
	const char *const *init = LAUNCHER("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child");

	needs(init);
	struct beget_server *s = open_server(
		BEGET_SERVER_OPTIONS(.launcher = init, .prepare = BEGET_CALL(loads, "one", 100), .spares = 2));
	assert_int_equal(int_from(s, BEGET_CALL(host_parent_of)), 1);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)), "model of one");
	struct beget_process *p = start_with(BEGET_OPTIONS(.server = s, .flags = BEGET_TIED), BEGET_CALL(own_pid));
	expect_exit(p, 0);
	beget_server_close(s);
}

static int starts_one(void)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, NULL, BEGET_CALL(own_pid)) < 0 || beget_join(p, 10000, NULL) < 0)
		return -1;
	beget_result(p, &value);
	beget_free(p);
	return value > 0 && value != getpid() ? beget_caller_pid() == 0 : -2;
}

static void nested(void)
{
	needs(SANDBOX);
	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = SANDBOX), BEGET_CALL(starts_one)), 1);
}

static void die(void)
{
	raise(SIGKILL);
}

static void expect_task(struct beget_pool *pool, const struct beget_call *call, enum beget_outcome outcome, int code)
{
	struct beget_status status;
	struct beget_task *task;

	assert_int_equal(beget_pool_submit(pool, &task, NULL, call), 0);
	assert_int_equal(beget_task_join(task, PATIENCE_MS, &status), 0);
	assert_int_equal(status.outcome, outcome);
	assert_int_equal(status.code, code);
	beget_task_free(task);
}

static void ends_if_it_can_write(void)
{
	if (can_write("/usr/escaped"))
		_exit(1);
}

static void works(const struct beget_options *start)
{
	struct beget_pool *pool;

	assert_int_equal(beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 2, .start = start)), 0);
	for (int i = 0; i < 3; i++) {
		expect_task(pool, BEGET_CALL(ends_if_it_can_write), BEGET_EXITED, 0);
		expect_task(pool, BEGET_CALL(die), BEGET_SIGNALED, SIGKILL);
	}
	assert_int_equal(beget_pool_close(pool, PATIENCE_MS), 0);
	beget_pool_free(pool);
}

static void pools(void)
{
	needs(SANDBOX);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.launcher = SANDBOX));
	works(BEGET_OPTIONS(.server = s));
	beget_server_close(s);
	works(BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = SANDBOX));
}

static void waits_and_exits(struct beget_fd go, int code)
{
	char byte;

	if (read(go.fd, &byte, 1) == 0)
		_exit(code);
}

/* Only the kernel's record is left. */
static void helper_is_killed(void)
{
	struct beget_status status;
	int go[2];

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	struct beget_process *p =
		start_with(THROUGH("sh", "-c", "\"$@\"", "sh"), BEGET_CALL(waits_and_exits, BEGET_FD(go[0]), 7));
	close(go[0]);
	assert_int_equal(kill((pid_t)proc_number(beget_pid(p), "PPid"), SIGKILL), 0);
	close(go[1]);
	assert_int_equal(beget_join(p, PATIENCE_MS, &status), 0);
	if (status.outcome != BEGET_LOST || kernel_remembers())
		assert_true(status.outcome == BEGET_EXITED && status.code == 7);
	beget_free(p);
}

static void stays(void)
{
	for (;;)
		sleep(10);
}

/* Leaves a process behind that holds the descriptor. */
static void leaves_one(struct beget_fd held)
{
	if (fork() == 0) {
		setsid();
		fcntl(held.fd, F_SETFD, 0);
		stays();
	}
}

static void limits_and_trees(void)
{
	const char *const *sandbox = LAUNCHER("bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc");
	struct beget_options o = {.size = sizeof(o), .method = BEGET_SPAWN, .launcher = sandbox, .limit_ms = 100};
	struct beget_status status;
	int held[2];

	needs(sandbox);
	struct beget_process *p = start_with(&o, BEGET_CALL(stays));
	assert_int_equal(beget_join(p, PATIENCE_MS, &status), 0);
	assert_int_equal(status.outcome, BEGET_TIMED_OUT);
	beget_free(p);
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	o.limit_ms = 0;
	o.flags = BEGET_TREE;
	p = start_with(&o, BEGET_CALL(leaves_one, BEGET_FD(held[1])));
	close(held[1]);
	expect_exit(p, 0);
	assert_true(ends(held[0], PATIENCE_MS));
	close(held[0]);
}

static void is_explained(void)
{
	char text[4000];

	assert_true(beget_explain(THROUGH("env"), BEGET_CALL(stays), text, sizeof(text)) > 0);
	assert_non_null(strstr(text, ", through "));
	assert_non_null(strstr(text, "/env\n"));
	assert_true(beget_explain(THROUGH("no-such-launcher"), BEGET_CALL(stays), text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "refused: caller: cannot find the launcher"));
}

/* The file is replaced while the program is running: the launcher executes the old one through its descriptor. */
static int run_removed(const char *path)
{
	struct beget_process *p;
	int value = -1;

	if (unlink(path) < 0 || symlink("/bin/false", path) < 0)
		return 2;
	if (beget_start(&p, THROUGH("env"), BEGET_CALL(can_write, "/nowhere/file")) < 0 ||
	    beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 3;
	}
	beget_free(p);
	unlink(path);
	return value;
}

static void removed_program(void)
{
	char command[200], path[60];

	snprintf(path, sizeof(path), "/tmp/removed.%d", (int)getpid());
	snprintf(command, sizeof(command), "cp /proc/%d/exe %s && %s removed", (int)getpid(), path, path);
	assert_int_equal(system(command), 0);
}

/* A launcher that works only with the caller's signal mask. */
static int launch_unblocked(char **argv)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, SIGCHLD) || execv(argv[0], argv);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(launcher_decides), UNIT(options_decide),   UNIT(later_changes), UNIT(alone), UNIT(hostile_target),
		UNIT(a_lost_server),    UNIT(process_one),      UNIT(nested),        UNIT(pools), UNIT(removed_program),
		UNIT(helper_is_killed), UNIT(limits_and_trees), UNIT(is_explained),
	};

	beget_init(argc, argv);
	if (argc > 2 && strcmp(argv[1], "unblocked") == 0)
		return launch_unblocked(argv + 2);
	if (argc == 2 && strcmp(argv[1], "removed") == 0)
		return run_removed(argv[0]);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
