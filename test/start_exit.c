/* The ways in which a target can end: its exit code, its signal and its core dump are reported correctly, the same with
 * every method. There is a result only if it returned. */
#include "harness.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Codes. */

static int exits(int code)
{
	exit(code);
}

static int exits_at_once(int code)
{
	_exit(code);
}

static int exits_quickly(int code)
{
	quick_exit(code);
}

static void codes(enum beget_method method)
{
	static const int sent[] = {0, 1, 8, 127, 255, 256, -1};

	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		expect_exit(start(method, BEGET_CALL(exits, sent[i])), sent[i] & 255);
		expect_exit(start(method, BEGET_CALL(exits_at_once, sent[i])), sent[i] & 255);
		expect_exit(start(method, BEGET_CALL(exits_quickly, sent[i])), sent[i] & 255);
	}
}

static void no_result_of_an_exit(enum beget_method method)
{
	int value = 5;
	struct beget_process *p = start(method, BEGET_CALL(exits, 0));

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), -ENODATA);
	assert_int_equal(value, 5);
	beget_free(p);
}

/* Signals. */

static void sleeper(void)
{
	for (;;)
		pause();
}

static void killed(enum beget_method method)
{
	static const int signals[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGUSR1, SIGALRM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct beget_process *p = start(method, BEGET_CALL(sleeper));
		assert_int_equal(beget_kill(p, signals[i]), 0);
		expect_end(p, BEGET_SIGNALED, signals[i]);
	}
}

static void crashes(int how)
{
	struct rlimit none = {1, RLIM_INFINITY}; /* 1: no core, even if a program receives core dumps */

	setrlimit(RLIMIT_CORE, &none);
	if (how == SIGABRT)
		abort();
	signal(SIGSEGV, SIG_DFL); /* sanitizers handle it */
	char *locked = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*(volatile char *)locked = 1;
}

static void expect_crash(enum beget_method method, int signal)
{
	struct beget_process *p = start(method, BEGET_CALL(crashes, signal));
	struct beget_status status;

	assert_int_equal(beget_join(p, 10000, &status), 0);
	assert_int_equal(status.outcome, BEGET_SIGNALED);
	assert_int_equal(status.code, signal);
	assert_false(status.core_dumped);
	beget_free(p);
}

static void crashes_without_a_core(enum beget_method method)
{
	expect_crash(method, SIGABRT);
	expect_crash(method, SIGSEGV);
}

static void aborts_in(const char *directory)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (chdir(directory) == 0 && setrlimit(RLIMIT_CORE, &limit) == 0)
		abort();
}

/* Removes the files in the directory and returns their number. */
static int empty(const char *directory)
{
	DIR *dir = opendir(directory);
	int n = 0;

	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.')
			n += unlinkat(dirfd(dir), e->d_name, 0) == 0;
	closedir(dir);
	return n;
}

/* The kernel reports whether it wrote a core. If it writes cores into the working directory, the file is there. */
static void a_core(enum beget_method method)
{
	not_under_valgrind("it writes core files of its own");
	char directory[] = "/tmp/beget-core-XXXXXX", pattern[100] = "|";
	struct beget_status status;
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "r");

	if (f && !fgets(pattern, sizeof(pattern), f))
		pattern[0] = '|';
	if (f)
		fclose(f);
	if (pattern[0] == '|' || strchr(pattern, '/'))
		skip();
	assert_non_null(mkdtemp(directory));
	struct beget_process *p = start(method, BEGET_CALL(aborts_in, directory));
	int error = beget_join(p, 30000, &status);
	int cores = empty(directory);
	rmdir(directory);
	assert_int_equal(error, 0);
	assert_int_equal(status.outcome, BEGET_SIGNALED);
	assert_int_equal(status.code, SIGABRT);
	assert_int_equal(status.core_dumped, cores > 0);
	beget_free(p);
}

/* Threads of the target. */

static void *exits_7(void *unused)
{
	(void)unused;
	exit(7);
}

static int exits_from_a_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, exits_7, NULL) == 0)
		pthread_join(t, NULL);
	return 1;
}

static void exit_from_a_thread(enum beget_method method)
{
	expect_exit(start(method, BEGET_CALL(exits_from_a_thread)), 7);
}

static void *spins(void *unused)
{
	for (volatile int i = 0;; i++)
		;
	return unused;
}

static void *holds_stdout(void *ready)
{
	flockfile(stdout);
	if (write(*(int *)ready, "", 1) == 1)
		sleeper();
	return NULL;
}

static int returns_with_threads(int value)
{
	static int ready[2];
	pthread_t t;
	char byte;

	if (pipe(ready) < 0 || pthread_create(&t, NULL, spins, NULL) ||
	    pthread_create(&t, NULL, holds_stdout, &ready[1]) || read(ready[0], &byte, 1) != 1)
		return -1;
	return value;
}

static void return_while_threads_run(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(returns_with_threads, 6)), 6);
}

static void *writes_late(void *fd)
{
	sleep_ms(50);
	if (write(*(int *)fd, "late", 4) != 4)
		abort();
	return NULL;
}

static int leaves_its_thread(struct beget_fd out)
{
	static int fd;
	pthread_t t;

	fd = out.fd;
	if (pthread_create(&t, NULL, writes_late, &fd))
		return 1;
	pthread_exit(NULL);
}

/* As in main: the other threads continue, and after the last of them the process exits with code 0. */
static void pthread_exit_of_the_target(enum beget_method method)
{
	char text[8];
	int pipe_[2], value;

	if (method != BEGET_SPAWN)
		not_with_musl("in a forked process, pthread_exit in the first thread leaves a lock behind");
	assert_int_equal(pipe(pipe_), 0);
	struct beget_process *p = start(method, BEGET_CALL(leaves_its_thread, BEGET_FD(pipe_[1])));
	struct beget_status status;
	int error = beget_join(p, 10000, &status);
	close(pipe_[1]);
	ssize_t n = read(pipe_[0], text, sizeof(text));
	close(pipe_[0]);
	assert_int_equal(error, 0);
	assert_int_equal(n, 4);
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_int_equal(status.code, 0);
	assert_int_equal(beget_result(p, &value), -ENODATA);
	beget_free(p);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(codes),
		BEHAVIOUR(no_result_of_an_exit),
		BEHAVIOUR(killed),
		BEHAVIOUR(crashes_without_a_core),
		BEHAVIOUR(a_core),
		BEHAVIOUR(exit_from_a_thread),
		BEHAVIOUR(return_while_threads_run),
		BEHAVIOUR(pthread_exit_of_the_target),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
