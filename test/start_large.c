/* Large arguments and results: the start does not wait for a reader, a loss on the way is reported by the join and
 * raises no signal, and a limit on file sizes is respected without raising one either. */
#include "harness.h"
#include "os/libc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LARGE = 1048576 + 3 };

/* A spawned child or a helper that never reads: it exits before main if the environment says so. */
__attribute__((constructor)) static void end_early(void)
{
	const char *how = getenv("START_LARGE_END");

	if (how && strcmp(how, "exit") == 0)
		_exit(3);
	if (how && strcmp(how, "kill") == 0)
		raise(SIGKILL);
}

static char *block(void)
{
	char *p = malloc(LARGE);

	assert_non_null(p);
	memset(p, 'x', LARGE);
	p[0] = 'a';
	p[LARGE - 1] = 'z';
	return p;
}

static struct beget_bytes back(struct beget_bytes b)
{
	return b;
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void expect_back(struct beget_process *p, const char *data)
{
	struct beget_bytes b = {NULL, 0};
	struct beget_status status;

	if (beget_join(p, 30000, &status) < 0)
		fail_msg("join: %s", beget_error());
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_int_equal(status.code, 0);
	assert_int_equal(beget_result(p, &b), 0);
	assert_int_equal(b.size, LARGE);
	assert_memory_equal(b.data, data, LARGE);
	beget_free(p);
}

static void no_file_allowed(enum beget_method method)
{
	not_under_valgrind("what it prints itself would be too large");
	char *data = block();

	limit_files(0);
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(back, BEGET_BYTES(data, LARGE)));
	int joined = p ? beget_join(p, 30000, NULL) : 0;
	limit_files(RLIM_INFINITY);
	assert_int_equal(error, 0);
	assert_int_equal(joined, 0);
	expect_back(p, data);
	free(data);
}

/* Only the child has the limit: its result must be sent without a file. */
static struct beget_bytes makes_large_under_limit(void)
{
	struct rlimit none = {0, 0};
	char *p = malloc(LARGE);

	if (!p || setrlimit(RLIMIT_FSIZE, &none) < 0)
		exit(9);
	memset(p, 'x', LARGE);
	p[0] = 'a';
	p[LARGE - 1] = 'z';
	return (struct beget_bytes){p, LARGE};
}

static void no_file_allowed_in_the_child(enum beget_method method)
{
	char *data = block();

	expect_back(start(method, BEGET_CALL(makes_large_under_limit)), data);
	free(data);
}

static void wait_takes_a_result_in_pieces(enum beget_method method)
{
	char *data = block();
	struct beget_process *p[3];

	for (int i = 0; i < 3; i++)
		p[i] = start(method, BEGET_CALL(makes_large_under_limit));
	for (int i = 0; i < 3; i++) {
		int n = beget_wait(p, 3, 30000);
		assert_in_range(n, 0, 2);
		expect_back(p[n], data);
		p[n] = NULL;
	}
	free(data);
}

static struct beget_bytes makes_several_packets(size_t n)
{
	char *p = malloc(n);

	if (!p)
		exit(9);
	memset(p, 'p', n);
	return (struct beget_bytes){p, n};
}

/* A caller that reads nothing before the sentinel is readable: a soft limit that the target sets on files does not keep
 * its result from being sent as a file, and is in force again when its exit handlers run. */

static beget__libc_resource limited;

static void limit_is_back(void)
{
	struct rlimit limit;

	if (getrlimit(limited, &limit) < 0 || limit.rlim_cur != 0)
		_exit(8);
}

static struct beget_bytes makes_large_under_soft_limit(int resource)
{
	struct rlimit limit;
	char *p = malloc(LARGE);

	limited = (beget__libc_resource)resource;
	if (!p || getrlimit(limited, &limit) < 0 || limit.rlim_max == 0 || atexit(limit_is_back))
		exit(9);
	limit.rlim_cur = 0;
	if (setrlimit(limited, &limit) < 0)
		exit(9);
	memset(p, 'x', LARGE);
	p[0] = 'a';
	p[LARGE - 1] = 'z';
	return (struct beget_bytes){p, LARGE};
}

static void sentinel_alone(enum beget_method method)
{
	static const int resources[] = {RLIMIT_FSIZE, RLIMIT_NOFILE};
	char *data = block();

	for (int i = 0; i < 2; i++) {
		struct beget_process *p = start(method, BEGET_CALL(makes_large_under_soft_limit, resources[i]));
		struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};
		assert_int_equal(poll(&end, 1, 10000), 1);
		assert_int_equal(beget_join(p, 0, NULL), 0);
		expect_back(p, data);
	}
	free(data);
}

/* The helper's report of the birth may arrive between packets of the child's result. */
static void results_of_several_packets(enum beget_method method)
{
	for (size_t i = 0, step = 200 / (size_t)often(200); i < 200; i += step) {
		struct beget_bytes b = {NULL, 0};
		size_t n = 9000 + i * 250;
		struct beget_process *p = start(method, BEGET_CALL(makes_several_packets, n));
		struct beget_status status;
		assert_int_equal(beget_join(p, 30000, &status), 0);
		if (beget_result(p, &b) < 0)
			fail_msg("outcome %d, code %d: %s", (int)status.outcome, status.code, beget_error());
		assert_int_equal(b.size, n);
		assert_int_equal(((const char *)b.data)[n - 1], 'p');
		beget_free(p);
	}
}

/* Loss on the way. */

static void spawn_that_ends(const char *how, rlim_t files, enum beget_outcome outcome, int code)
{
	char *data = block();
	struct beget_process *p = NULL;

	setenv("START_LARGE_END", how, 1);
	limit_files(files);
	int error = beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN), BEGET_CALL(back, BEGET_BYTES(data, LARGE)));
	limit_files(RLIM_INFINITY);
	unsetenv("START_LARGE_END");
	free(data);
	assert_int_equal(error, 0);
	expect_end(p, outcome, code);
}

static void child_exits_before_it_reads(enum beget_method method)
{
	not_under_valgrind("what it prints itself would be too large");
	(void)method;
	spawn_that_ends("exit", RLIM_INFINITY, BEGET_FAILED, -ECONNRESET);
	spawn_that_ends("exit", 0, BEGET_FAILED, -ECONNRESET);
}

static void child_is_killed_before_it_reads(enum beget_method method)
{
	not_under_valgrind("what it prints itself would be too large");
	(void)method;
	spawn_that_ends("kill", RLIM_INFINITY, BEGET_SIGNALED, SIGKILL);
	spawn_that_ends("kill", 0, BEGET_SIGNALED, SIGKILL);
}

static void helper_stops_for_a_while(enum beget_method method)
{
	char *data = block();
	pid_t helper = helper_pid();

	assert_int_equal(kill(helper, SIGSTOP), 0);
	struct beget_process *p = start(method, BEGET_CALL(back, BEGET_BYTES(data, LARGE)));
	assert_int_equal(beget_join(p, 50, NULL), -ETIMEDOUT);
	assert_int_equal(kill(helper, SIGCONT), 0);
	expect_back(p, data);
	free(data);
}

static void helper_is_killed_before_it_reads(enum beget_method method)
{
	char *data = block();
	pid_t helper = helper_pid();

	assert_int_equal(kill(helper, SIGSTOP), 0);
	struct beget_process *p = start(method, BEGET_CALL(back, BEGET_BYTES(data, LARGE)));
	assert_int_equal(kill(helper, SIGKILL), 0);
	expect_end(p, BEGET_FAILED, -ECONNRESET);
	free(data);
}

static void *kill_soon(void *pid)
{
	sleep_ms(100);
	kill(*(pid_t *)pid, SIGKILL);
	return NULL;
}

static void helper_is_killed_while_the_start_waits(enum beget_method method)
{
	not_under_valgrind("what it prints itself would be too large");
	char *data = block();
	pid_t helper = helper_pid();
	struct beget_process *p = NULL;
	pthread_t killer;

	assert_int_equal(kill(helper, SIGSTOP), 0);
	assert_int_equal(pthread_create(&killer, NULL, kill_soon, &helper), 0);
	limit_files(0);
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(back, BEGET_BYTES(data, LARGE)));
	limit_files(RLIM_INFINITY);
	pthread_join(killer, NULL);
	free(data);
	assert_int_equal(error, 0);
	expect_end(p, BEGET_FAILED, -ECONNRESET);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(no_file_allowed),
		BEHAVIOUR(no_file_allowed_in_the_child),
		BEHAVIOUR(wait_takes_a_result_in_pieces),
		BEHAVIOUR(sentinel_alone),
		BEHAVIOUR(results_of_several_packets),
		BEHAVIOUR_OF(child_exits_before_it_reads, BY(BEGET_SPAWN)),
		BEHAVIOUR_OF(child_is_killed_before_it_reads, BY(BEGET_SPAWN)),
		BEHAVIOUR_OF(helper_stops_for_a_while, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(helper_is_killed_before_it_reads, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(helper_is_killed_while_the_start_waits, BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
