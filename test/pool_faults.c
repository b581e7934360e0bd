/* A worker is killed at its n-th system call, for n = 1, 2, ... until it survives: at most one task ends with it, and
 * no task begins twice. Then the caller's n-th system call or allocation fails. With workers of each method. */
#include "os/fault.h"
#include "pools.h"

#include <signal.h>

enum { TASKS = 6, LARGE = 100000 };

/* In the worker. */
static int left;

static int kill_at_the_last(const char *call)
{
	(void)call;
	if (--left == 0)
		raise(SIGKILL);
	return 0;
}

static int arm(int n)
{
	left = n;
	beget__fault_hook = kill_at_the_last;
	return n;
}

static size_t count(struct beget_buffer *counters, int i, struct beget_bytes bytes, char *out, size_t n)
{
	add_one(counters, i);
	memset(out, i, n);
	return bytes.size;
}

/* Returns whether a worker was killed. */
static bool kill_at(enum beget_method method, int n)
{
	static char large[LARGE], outs[TASKS][LARGE];
	volatile int *counters;
	struct beget_buffer *shared = shared_ints(TASKS, &counters);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *tasks[TASKS];
	struct beget_status status;
	int killed = 0;

	struct beget_task *armed = submit(pool, BEGET_CALL(arm, n));
	good(beget_task_join(armed, PATIENCE_MS, &status));
	beget_task_free(armed);
	killed += status.outcome != BEGET_EXITED;
	for (int i = 0; i < TASKS; i++) {
		size_t size = i % 3 ? 100 : LARGE;
		tasks[i] = submit(
			pool, BEGET_CALL(count, shared, i, BEGET_BYTES(large, size), BEGET_OUT(outs[i], size), size));
	}
	for (int i = 0; i < TASKS; i++) {
		good(beget_task_join(tasks[i], PATIENCE_MS, &status));
		killed += status.outcome != BEGET_EXITED;
		if (status.outcome == BEGET_EXITED) {
			assert_int_equal(counters[i], 1);
			assert_int_equal(outs[i][99], i);
		} else {
			assert_int_equal(status.outcome, BEGET_SIGNALED);
			assert_in_range(counters[i], 0, 1);
		}
		beget_task_free(tasks[i]);
	}
	assert_in_range(killed, 0, 1);
	bool crashed = status_of(pool).crashed > 0;
	beget_pool_free(pool);
	beget_buffer_free(shared);
	return crashed;
}

static void killed_at_each_call(enum beget_method method)
{
	int n = 1;

	while (kill_at(method, n))
		n++;
	assert_true(n > TASKS);
}

/* In the caller. */
static int seen, failing;

static int fail_the_last(const char *call)
{
	(void)call;
	return ++seen == failing ? ENOMEM : 0;
}

static int add(int a, int b)
{
	return a + b;
}

static int write_them(int *out, int n)
{
	memset(out, 0, (size_t)n * sizeof(*out));
	return 23;
}

/* Opens a pool, runs three tasks and frees it; continues after failures. */
static void use_a_pool(enum beget_method method)
{
	struct beget_pool *pool;
	struct beget_task *task;
	int out[3], error, value, tries = 0;

	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 1, .start = BEGET_OPTIONS(.method = method))) < 0)
		return;
	(void)beget_pool_submit(pool, NULL, NULL, BEGET_CALL(add, 20, 3));
	(void)beget_pool_submit(pool, NULL, NULL, BEGET_CALL(write_them, BEGET_OUT(out), 3));
	(void)beget_pool_submit(pool, NULL, NULL, BEGET_CALL(add, 20, 3));
	while ((error = beget_pool_next(pool, 1000, &task, NULL)) != -ENOENT && tries++ < 20) {
		if (error < 0)
			continue;
		if (beget_task_result(task, &value) == 0)
			assert_int_equal(value, 23);
		beget_task_free(task);
	}
	assert_int_equal(error, -ENOENT);
	beget_pool_free(pool);
}

static void the_caller_fails_at_each_call(enum beget_method method)
{
	for (failing = 1, seen = failing; seen >= failing; failing++) {
		seen = 0;
		beget__fault_hook = fail_the_last;
		use_a_pool(method);
		beget__fault_hook = NULL;
	}
	use_a_pool(method);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const struct behaviour behaviours[] = {
		BEHAVIOUR(killed_at_each_call),
		BEHAVIOUR(the_caller_fails_at_each_call),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
