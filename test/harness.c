/* The fence around every test, and functions that all tests need. See harness.h. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIME_LIMIT_S = 60, SETTLE_MS = 10000 };

static const char *const methods[] = {"forkserver", "spawn", "fork"};

bool under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload");
}

void not_under_valgrind(const char *why)
{
	(void)why;
	if (under_valgrind())
		skip();
}

void not_under_asan(const char *why)
{
	(void)why;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
}

void not_with_musl(const char *why)
{
	(void)why;
#ifndef __GLIBC__
	skip();
#endif
}

static bool under_tsan(void)
{
#ifdef __SANITIZE_THREAD__
	return true;
#else
	return false;
#endif
}

int often(int n)
{
	return under_valgrind() || under_tsan() ? (n + 9) / 10 : n;
}

int scaled(int limit)
{
	const char *scale = getenv("TEST_SCALE");

	return scale && atoi(scale) > 0 ? limit * atoi(scale) : limit;
}

void sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* libc reads the setting when a program begins. */
void keep_no_freed_blocks(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	execv(argv[0], argv);
}

size_t heap(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#if __GLIBC_PREREQ(2, 33)
	struct mallinfo2 info = mallinfo2();
#else
	struct mallinfo info = mallinfo();
#endif
	return under_valgrind() ? 0 : (size_t)info.uordblks + (size_t)info.hblkhd;
#else
	return 0;
#endif
}

int count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

struct rlimit leave_places(int k)
{
	struct rlimit before, now;
	int fds[64], last = 0;

	getrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i <= k; i++) /* the table may have gaps */
		last = fds[i] = dup(0);
	for (int i = 0; i <= k; i++)
		close(fds[i]);
	now = before;
	now.rlim_cur = (rlim_t)last;
	setrlimit(RLIMIT_NOFILE, &now);
	return before;
}

bool ends(int fd, int timeout_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&ready, 1, timeout_ms) == 1 && read(fd, &byte, 1) == 0;
}

static bool runs(pid_t pid)
{
	char path[40], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	const char *state = strrchr(text, ')');
	return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

bool process_gone(pid_t pid, int timeout_ms)
{
	for (int64_t end = now_ms() + scaled(timeout_ms); runs(pid); sleep_ms(2))
		if (now_ms() >= end)
			return false;
	return true;
}

int count_processes(void)
{
	struct stat self, other;
	DIR *dir = opendir("/proc");
	int n = 0;

	assert_non_null(dir);
	assert_int_equal(stat("/proc/self/exe", &self), 0);
	for (const struct dirent *e; (e = readdir(dir));) {
		char path[300];
		snprintf(path, sizeof(path), "/proc/%s/exe", e->d_name);
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && stat(path, &other) == 0 &&
		    other.st_dev == self.st_dev && other.st_ino == self.st_ino)
			n += runs(atoi(e->d_name));
	}
	closedir(dir);
	return n;
}

bool processes_settle(int most)
{
	for (int64_t end = now_ms() + scaled(SETTLE_MS); count_processes() > most; sleep_ms(5))
		if (now_ms() >= end)
			return false;
	return true;
}

struct fence {
	int descriptors, processes;
	bool children; /* left by an earlier test that failed */
	sigset_t mask;
};

static void nothing(void)
{
}

static void fence_up(struct fence *f)
{
	alarm((unsigned)scaled(TIME_LIMIT_S));
	f->descriptors = count_descriptors();
	f->processes = count_processes();
	f->children = waitpid(-1, NULL, WNOHANG) >= 0;
	memset(&f->mask, 0, sizeof(f->mask)); /* libc sets only the bits that the kernel has */
	sigprocmask(SIG_SETMASK, NULL, &f->mask);
}

static void fence_down(const struct fence *f)
{
	sigset_t mask;

	memset(&mask, 0, sizeof(mask));
	sigprocmask(SIG_SETMASK, NULL, &mask);
	beget_free(NULL);
	assert_memory_equal(&mask, &f->mask, sizeof(mask));
	assert_int_equal(count_descriptors(), f->descriptors);
	assert_true(processes_settle(f->processes));
	if (!f->children) {
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
	alarm(0);
}

struct run {
	const struct behaviour *behaviour;
	enum beget_method method;
	const struct unit *unit;
	int fenced;
	char name[120];
};

/* The helper stays from test to test, so it is launched before the fence. */
static void bring_up_helper(void)
{
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(nothing));

	expect_exit(p, 0);
}

static void run_behaviour(void **state)
{
	const struct run *r = *state;
	struct fence fence;

	bring_up_helper();
	fence_up(&fence);
	r->behaviour->test(r->method);
	fence_down(&fence);
}

static void run_unit(void **state)
{
	const struct run *r = *state;
	struct fence fence;

	if (r->fenced)
		bring_up_helper();
	fence_up(&fence);
	r->unit->test();
	fence_down(&fence);
}

static int run_all(struct run *runs_, struct CMUnitTest *tests, size_t n)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	int failed = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
	free(runs_);
	free(tests);
	return failed != 0;
}

int run_behaviours(const struct behaviour *table, size_t n)
{
	struct run *list = calloc(3 * n, sizeof(*list));
	struct CMUnitTest *tests = calloc(3 * n, sizeof(*tests));
	size_t count = 0;

	if (!list || !tests)
		return 1;
	for (size_t i = 0; i < n; i++)
		for (int m = 0; m < 3; m++) {
			struct run *r = &list[count];
			if (table[i].methods && !(table[i].methods & BY(m)))
				continue;
			*r = (struct run){.behaviour = &table[i], .method = (enum beget_method)m};
			snprintf(r->name, sizeof(r->name), "%s by %s", table[i].name, methods[m]);
			tests[count++] = (struct CMUnitTest){r->name, run_behaviour, NULL, NULL, r};
		}
	return run_all(list, tests, count);
}

int run_units(const struct unit *table, size_t n, int fenced)
{
	struct run *list = calloc(n, sizeof(*list));
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));

	if (!list || !tests)
		return 1;
	for (size_t i = 0; i < n; i++) {
		list[i] = (struct run){.unit = &table[i], .fenced = fenced};
		tests[i] = (struct CMUnitTest){table[i].name, run_unit, NULL, NULL, &list[i]};
	}
	return run_all(list, tests, n);
}

struct beget_process *start_with(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p = NULL;

	if (beget_start(&p, options, call) < 0)
		fail_msg("start: %s", beget_error());
	return p;
}

struct beget_process *start(enum beget_method method, const struct beget_call *call)
{
	return start_with(BEGET_OPTIONS(.method = method), call);
}

void expect_end(struct beget_process *p, enum beget_outcome outcome, int code)
{
	struct beget_status status;
	char text[400];

	if (beget_join(p, scaled(10000), &status) < 0)
		fail_msg("join: %s", beget_error());
	beget_describe(p, text, sizeof(text));
	if (status.outcome != outcome || status.code != code)
		fail_msg("outcome %d code %d, not %d and %d: %s", (int)status.outcome, status.code, (int)outcome, code,
		         text);
	beget_free(p);
}

void expect_exit(struct beget_process *p, int code)
{
	expect_end(p, BEGET_EXITED, code);
}

struct beget_process *returned(enum beget_method method, const struct beget_call *call)
{
	struct beget_process *p = start(method, call);
	struct beget_status status;
	char text[400];

	if (beget_join(p, scaled(10000), &status) < 0)
		fail_msg("join: %s", beget_error());
	if (status.outcome != BEGET_EXITED || status.code != 0) {
		beget_describe(p, text, sizeof(text));
		fail_msg("%s", text);
	}
	return p;
}

static struct beget_process *joined(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p = start_with(options, call);

	if (beget_join(p, scaled(10000), NULL) < 0)
		fail_msg("join: %s", beget_error());
	return p;
}

static _Noreturn void no_result(const struct beget_process *p)
{
	char text[400];

	beget_describe(p, text, sizeof(text));
	fail_msg("result: %s (%s)", beget_error(), text);
	abort();
}

int int_result_with(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p = joined(options, call);
	int value;

	if (beget_result(p, &value) < 0)
		no_result(p);
	beget_free(p);
	return value;
}

int int_result(enum beget_method method, const struct beget_call *call)
{
	return int_result_with(BEGET_OPTIONS(.method = method), call);
}

const char *text_result_with(const struct beget_options *options, const struct beget_call *call)
{
	static char text[8192];
	struct beget_process *p = joined(options, call);
	const char *value;

	if (beget_result(p, &value) < 0)
		no_result(p);
	snprintf(text, sizeof(text), "%s", value ? value : "(null)");
	beget_free(p);
	return text;
}

static int parent_of(void)
{
	return (int)getppid();
}

pid_t helper_pid(void)
{
	return int_result(BEGET_FORKSERVER, BEGET_CALL(parent_of));
}
