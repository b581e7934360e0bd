/* The preparation of a server: preloaded libraries and a prepare call, what its children inherit of them and what not,
 * and how each can fail. */
#include "servers.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The open descriptors, as "3 5 7", without the one that lists them and, in a child, without the library's. */
static const char *descriptors(void)
{
	static char text[400];
	DIR *dir = opendir("/proc/self/fd");

	text[0] = '\0';
	for (int fd = 0; fd < 300; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fd != dirfd(dir))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", fd);
	closedir(dir);
	return text;
}

/* Contents. */

static void several_with_different_contents(void)
{
	struct beget_server *s[3] = {
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(loads, "a", 100))),
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(loads, "b", 100))),
		open_server(NULL),
	};
	static const char *const wanted[] = {"model of a", "model of b", "none", "none"};

	for (int i = 0; i < 12; i++)
		assert_string_equal(
			text_result_with(BEGET_OPTIONS(.server = i % 4 == 3 ? NULL : s[i % 4]), BEGET_CALL(ask_model)),
			wanted[i % 4]);
	assert_null(model);
	assert_int_not_equal(status_of(s[0]).pid, status_of(s[1]).pid);
	for (int i = 0; i < 3; i++)
		beget_server_close(s[i]);
}

enum { MIB = 1 << 20, LARGE = 64 };

static long private_kib(void)
{
	char line[200];
	long sum = 0, n;
	FILE *f = fopen("/proc/self/smaps_rollup", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %ld", &n) == 1 || sscanf(line, "Private_Clean: %ld", &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

static int private_of_child(void)
{
	volatile int sum = 0;

	for (int i = 0; i < LARGE * MIB; i += 4096)
		sum = sum + model[i];
	return sum ? (int)private_kib() : -1;
}

/* Copy-on-write: a child has read all of the memory, and shares all of it. */
static void children_share_what_was_loaded(void)
{
	not_under_valgrind("its memory is its own");
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(loads, "large", LARGE * MIB)));
	struct beget_server_status status = status_of(s);

	/* before Linux 6.2, each thread reports up to 64 pages late */
	assert_in_range(status.memory_kib, LARGE * 1024 - 1024, 2 * LARGE * 1024);
	assert_in_range(int_from(s, BEGET_CALL(private_of_child)), 0, LARGE * 1024 / 8);
	beget_server_close(s);
}

static void preloaded(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.preload = preloads("plugin.so")));

	assert_int_equal(int_from(s, BEGET_CALL(mapped, "/plugin.so")), 1);
	assert_int_equal(int_from(NULL, BEGET_CALL(mapped, "/plugin.so")), 0);
	assert_int_equal(mapped("/plugin.so"), 0);
	beget_server_close(s);
}

static void preload_fails(void)
{
	const char *const none[] = {"/nowhere/libnone.so", NULL}, *const empty[] = {NULL};

	refused(BEGET_SERVER_OPTIONS(.preload = none), -ELIBACC, "/nowhere/libnone.so");
	setenv("CONSTRUCTOR", "exits", 1);
	refused(BEGET_SERVER_OPTIONS(.preload = preloads("constructor.so")), -ECANCELED, EXITED_WITH("0"));
	setenv("CONSTRUCTOR", "aborts", 1);
	refused(BEGET_SERVER_OPTIONS(.preload = preloads("constructor.so")), -ECONNRESET, "constructor.so");
	unsetenv("CONSTRUCTOR");
	beget_server_close(open_server(BEGET_SERVER_OPTIONS(.preload = empty)));
}

/* Prepare calls that fail. */

static int returns(int code)
{
	return code;
}

static void exits(int code)
{
	exit(code);
}

static void leaves(void)
{
	_exit(3);
}

static void crashes(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, RLIM_INFINITY});
	signal(SIGSEGV, SIG_DFL);
	*(volatile int *)NULL = 1;
}

static void hangs(void)
{
	for (;;)
		pause();
}

static void spins(void)
{
	for (volatile int i = 0;; i++)
		;
}

static void prepare_fails(void)
{
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, -ENOENT)), -ENOENT, "No such file");
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, -100000)), -EINVAL, "-100000");
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, -1)), -EINVAL, "the prepare call returned -1");
	assert_null(strstr(beget_error(), "permitted"));
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(exits, 7)), -ECANCELED, EXITED_WITH("7"));
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(leaves)), -ECONNRESET, "prepare");
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(crashes)), -ECONNRESET, "prepare");
	beget_server_close(open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, 5))));
}

/* The server does not serve, and nothing is left of it: the fence checks that. */
static void prepare_hangs(void)
{
	int64_t begun = now_ms();

	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(hangs), .timeout_ms = 200), -ETIMEDOUT, "in time");
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(spins), .timeout_ms = 200), -ETIMEDOUT, "in time");
	assert_in_range(now_ms() - begun, 400, 2000);
}

static void naps(int ms)
{
	sleep_ms(ms);
}

/* One deadline for the whole preparation. */
static void one_deadline(void)
{
	setenv("CONSTRUCTOR", "naps", 1);
	refused(BEGET_SERVER_OPTIONS(.preload = preloads("constructor.so"), .prepare = BEGET_CALL(naps, 400),
	                             .timeout_ms = 600),
	        -ETIMEDOUT, "in time");
	beget_server_close(open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(naps, 100), .timeout_ms = 5000)));
	unsetenv("CONSTRUCTOR");
}

static void host_that_dies_while_it_is_prepared(void)
{
	struct beget_server *s;

	beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(hangs)));
}

static void caller_dies_while_it_is_prepared(void)
{
	pid_t host = host_start(host_that_dies_while_it_is_prepared);

	sleep_ms(100);
	kill(host, SIGKILL);
	assert_true(WIFSIGNALED(host_end(host))); /* and the fence checks that no helper is left */
}

/* Output. */

static int prints(const char *what)
{
	printf("out of %s", what);
	fprintf(stderr, "[err]");
	return 0;
}

static void says(const char *what)
{
	printf("%s", what);
}

static int divert(FILE *to)
{
	fflush(stdout);
	int before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

	assert_true(dup2(fileno(to), STDOUT_FILENO) >= 0);
	return before;
}

static const char *diverted(FILE *from, int before)
{
	static char text[400];

	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(from);
	text[fread(text, 1, sizeof(text) - 1, from)] = '\0';
	fclose(from);
	return text;
}

/* Output goes to the caller's streams, before open returns, once. */
static void output_appears_once(void)
{
	FILE *file = tmpfile();
	int before = divert(file);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(says, "model;"), .spares = 2));

	long size = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	for (int i = 0; i < 5; i++)
		expect_exit(start_with(BEGET_OPTIONS(.server = s), BEGET_CALL(says, "child;")), 0);
	beget_server_close(s);
	assert_string_equal(diverted(file, before), "model;child;child;child;child;child;");
	assert_int_equal(size, 6);
}

static void output_of_one_that_fails(void)
{
	FILE *file = tmpfile();
	struct beget_server *s;
	int before = divert(file);

	setenv("CONSTRUCTOR", "prints", 1);
	int error = beget_server_open(
		&s, BEGET_SERVER_OPTIONS(.preload = preloads("constructor.so"), .prepare = BEGET_CALL(exits, 1)));
	unsetenv("CONSTRUCTOR");
	assert_string_equal(diverted(file, before), "constructed");
	assert_int_equal(error, -ECANCELED);
}

static void closed_streams(void)
{
	int before[3], error;
	struct beget_server *s;

	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		before[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	error = beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prints, "nowhere")));
	for (int i = 0; i < 3; i++) {
		dup2(before[i], i);
		close(before[i]);
	}
	assert_int_equal(error, 0);
	beget_server_close(s);
}

/* Descriptors. */

static int opened[3];

static int opens(struct beget_fd passed)
{
	opened[0] = open("/dev/null", O_RDONLY); /* not close-on-exec, but a freshly executed image does not have it */
	opened[1] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	opened[2] = passed.fd;
	return opened[0] > 2 && opened[1] > 2 ? 0 : -EMFILE;
}

static const char *open_ones(struct beget_fd passed)
{
	static char text[600];

	snprintf(text, sizeof(text), "%d %d %d %d: %s", opened[0], opened[1], opened[2], passed.fd, descriptors());
	return text;
}

/* Checks the descriptors besides those that must be open: at most two of the library. */
static int others(const char *found, bool prepared)
{
	int own[4], n = 0, count, fd;

	assert_int_equal(sscanf(found, "%d %d %d %d:%n", &own[0], &own[1], &own[2], &own[3], &count), 4);
	for (const char *at = found + count; sscanf(at, "%d%n", &fd, &count) == 1; at += count) {
		bool known = fd <= 2 || fd == own[3];
		for (int i = 0; i < 3 && prepared; i++)
			known |= fd == own[i];
		n += !known;
	}
	return n;
}

static void descriptors_of_children(void)
{
	int pipes[2], noise = open("/dev/null", O_RDONLY), more = fcntl(noise, F_DUPFD, 50);

	assert_int_equal(pipe(pipes), 0);
	struct beget_server *s = open_server(
		BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(opens, BEGET_FD(pipes[0])), .spares = 2, .spawn_spares = 2));
	struct beget_process *p[10];
	for (int i = 0; i < 10; i++) /* many channels at once, at numbers that the prepare call could have used */
		p[i] = start_with(BEGET_OPTIONS(.server = s), BEGET_CALL(hangs));
	for (int i = 0; i < 12; i++) {
		const char *found = text_result_with(BEGET_OPTIONS(.server = s, .method = i % 2 ? BEGET_SPAWN : 0),
		                                     BEGET_CALL(open_ones, BEGET_FD(pipes[1])));
		if (others(found, i % 2 == 0) > 2)
			fail_msg("round %d: %s", i, found);
		if (i % 2 == 0) {
			int fd[3];
			assert_int_equal(sscanf(found, "%d %d %d", &fd[0], &fd[1], &fd[2]), 3);
			for (int j = 0; j < 3; j++) {
				char word[20];
				snprintf(word, sizeof(word), " %d ", fd[j]);
				if (fd[j] <= 2 || !strstr(strchr(found, ':'), word))
					fail_msg("%d is not inherited: %s", fd[j], found);
			}
		}
		sleep_ms(3);
	}
	for (int i = 0; i < 10; i++) {
		assert_int_equal(beget_kill(p[i], SIGKILL), 0);
		expect_end(p[i], BEGET_SIGNALED, SIGKILL);
	}
	const char *found = text_result_with(NULL, BEGET_CALL(open_ones, BEGET_FD(pipes[1])));
	if (others(found, false) > 2)
		fail_msg("of the shared one: %s", found);
	beget_server_close(s);
	assert_int_equal(close(pipes[1]), 0);
	assert_true(ends(pipes[0], SOON_MS)); /* no process holds it */
	close(pipes[0]);
	close(noise);
	close(more);
}

/* Threads. */

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int runs_thread(const char *name)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL))
		return -EAGAIN;
	pthread_setname_np(thread, name);
	return loads("threads", 100);
}

static void threads_are_named(void)
{
	refused(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(runs_thread, "weaver")), -EDEADLK, "weaver");
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(runs_thread, "weaver"),
	                                                          .flags = BEGET_SERVER_THREADS, .spares = 1));
	for (int i = 0; i < 3; i++)
		assert_string_equal(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)),
		                    "model of threads");
	assert_int_equal(status_of(s).threads, 2);
	beget_server_close(s);
}

/* Changes that it makes to its process do not affect any caller. */

static void handler(int n)
{
	(void)n;
}

static int changes_all(void)
{
	struct rlimit core;
	sigset_t none;

	sigemptyset(&none);
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	setenv("PREPARED", "yes", 1);
	unsetenv("PATH");
	umask(0123);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_cur ? 0 : core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	return chdir("/proc") < 0 ? -errno : 0;
}

static const char *state(void)
{
	static char text[600];
	char cwd[200] = "", line[200];
	struct rlimit core;
	struct sigaction usr1;
	FILE *f = fopen("/proc/self/status", "re");

	getrlimit(RLIMIT_CORE, &core);
	sigaction(SIGUSR1, NULL, &usr1);
	snprintf(text, sizeof(text), "%s, %s, %.100s, core %lx, nice %d, group %d, handler %d",
	         getcwd(cwd, sizeof(cwd)), getenv("PREPARED"), getenv("PATH"), (unsigned long)core.rlim_cur,
	         getpriority(PRIO_PROCESS, 0), (int)getpgrp(), usr1.sa_handler == handler);
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Umask", 5) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
		    strncmp(line, "SigBlk", 6) == 0)
			strcat(text, line);
	if (f)
		fclose(f);
	return text;
}

static void children_have_the_callers_state(void)
{
	char wanted[600];
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(changes_all), .spares = 1, .spawn_spares = 1));

	for (int i = 0; i < 8; i++) {
		if (i == 4)
			assert_int_equal(chdir("/usr"), 0);
		strcpy(wanted, state());
		const char *found =
			text_result_with(BEGET_OPTIONS(.server = s, .method = i % 2 ? BEGET_SPAWN : BEGET_FORKSERVER),
		                         BEGET_CALL(state));
		assert_string_equal(found, wanted);
		sleep_ms(5);
	}
	assert_int_equal(chdir("/"), 0);
	beget_server_close(s);
}

/* None of the state is read whose values could differ. */
static int handles(void)
{
	return signal(SIGUSR1, handler) == SIG_ERR ? -EINVAL : 0;
}

static int handler_is_set(void)
{
	struct sigaction action;

	return sigaction(SIGUSR1, NULL, &action) < 0 || action.sa_handler != SIG_DFL;
}

static void children_have_no_handlers(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(handles)));

	assert_int_equal(int_from(s, BEGET_CALL(handler_is_set)), 0);
	beget_server_close(s);
}

/* Exit handlers that the prepare call registers: neither the children nor the server run them. */

static int said_at_exit = -1;

static void at_exit(void)
{
	if (write(said_at_exit, "x", 1) != 1)
		_exit(1);
}

static int registers(struct beget_fd fd)
{
	said_at_exit = fd.fd;
	return atexit(at_exit) ? -ENOMEM : 0;
}

static void nothing(void)
{
}

static void exit_handlers_do_not_run(void)
{
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(registers, BEGET_FD(pipes[1])), .spares = 1));
	close(pipes[1]);
	for (int i = 0; i < 3; i++)
		expect_exit(start_with(BEGET_OPTIONS(.server = s), BEGET_CALL(nothing)), 0);
	beget_server_close(s);
	assert_true(ends(pipes[0], SOON_MS));
	close(pipes[0]);
}

/* Children that the prepare call starts, waited for or not, belong to no caller. */
static int runs_programs(void)
{
	if (fork() == 0)
		_exit(0);
	return system("exit 3") == 3 << 8 ? 0 : -ECHILD;
}

static void programs_in_the_prepare_call(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(runs_programs)));

	assert_int_equal(int_from(s, BEGET_CALL(returns, 4)), 4);
	assert_int_equal(status_of(s).started, 1);
	beget_server_close(s);
}

/* Arguments of all kinds and sizes. */
static int sums(struct beget_bytes bytes, const char *name, struct beget_fd fd)
{
	long sum = 0;
	char c;

	for (size_t i = 0; i < bytes.size; i++)
		sum += ((const char *)bytes.data)[i];
	return sum == (long)bytes.size && read(fd.fd, &c, 1) == 1 && c == 'p' ? loads(name, 100) : -EINVAL;
}

static void large_arguments(void)
{
	static char bytes[300000];
	int pipes[2];

	memset(bytes, 1, sizeof(bytes));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "pp", 2), 2);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(sums, BEGET_BYTES(bytes, sizeof(bytes)), "sum",
	                                                               BEGET_FD(pipes[0])), ));
	close(pipes[0]);
	memset(bytes, 2, sizeof(bytes)); /* the target kept a copy */
	assert_string_equal(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)), "model of sum");
	kill_server(s);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)), "model of sum");
	beget_server_close(s);
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(several_with_different_contents),
		UNIT(children_share_what_was_loaded),
		UNIT(preloaded),
		UNIT(preload_fails),
		UNIT(prepare_fails),
		UNIT(prepare_hangs),
		UNIT(one_deadline),
		UNIT(caller_dies_while_it_is_prepared),
		UNIT(output_appears_once),
		UNIT(output_of_one_that_fails),
		UNIT(closed_streams),
		UNIT(descriptors_of_children),
		UNIT(threads_are_named),
		UNIT(children_have_the_callers_state),
		UNIT(children_have_no_handlers),
		UNIT(exit_handlers_do_not_run),
		UNIT(programs_in_the_prepare_call),
		UNIT(large_arguments),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
