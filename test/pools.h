/* Helpers for tests of pools and workers: a failure in them fails the test. Only in the caller. */
#ifndef POOLS_H
#define POOLS_H

#include "harness.h"

#include <beget/pool.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

/* A pool whose workers are started with the method. */
#define POOL(method_, ...) open_pool(BEGET_POOL_OPTIONS(.start = BEGET_OPTIONS(.method = (method_)), __VA_ARGS__))

static inline void good(int error)
{
	if (error < 0)
		fail_msg("%d: %s", error, beget_error());
}

static inline struct beget_pool *open_pool(const struct beget_pool_options *options)
{
	struct beget_pool *pool = NULL;

	good(beget_pool_open(&pool, options));
	return pool;
}

static inline struct beget_task *submit(struct beget_pool *pool, const struct beget_call *call)
{
	struct beget_task *task = NULL;

	good(beget_pool_submit(pool, &task, NULL, call));
	return task;
}

/* Submits a task that beget_pool_next returns. */
static inline void post(struct beget_pool *pool, const struct beget_call *call)
{
	good(beget_pool_submit(pool, NULL, NULL, call));
}

static inline struct beget_task *next(struct beget_pool *pool, struct beget_status *status)
{
	struct beget_task *task = NULL;

	good(beget_pool_next(pool, PATIENCE_MS, &task, status));
	return task;
}

/* Joins, checks and frees. */
static inline void expect_task(struct beget_task *task, enum beget_outcome outcome, int code)
{
	struct beget_status status;
	char text[400] = "";

	good(beget_task_join(task, PATIENCE_MS, &status));
	beget_task_describe(task, text, sizeof(text));
	if (status.outcome != outcome || status.code != code)
		fail_msg("outcome %d, code %d: %s", (int)status.outcome, status.code, text);
	beget_task_free(task);
}

/* Joins, frees, and returns the target's result. */
static inline int task_int(struct beget_task *task)
{
	int value = -1;

	good(beget_task_join(task, PATIENCE_MS, NULL));
	if (beget_task_result(task, &value) < 0) {
		char text[400];
		beget_task_describe(task, text, sizeof(text));
		fail_msg("%s", text);
	}
	beget_task_free(task);
	return value;
}

static inline struct beget_pool_status status_of(struct beget_pool *pool)
{
	struct beget_pool_status status;

	good(beget_pool_status(pool, &status));
	return status;
}

/* A buffer of integers shared by the caller and its tasks, mostly for counters. */
static inline struct beget_buffer *shared_ints(size_t n, volatile int **ints)
{
	struct beget_buffer *buffer = NULL;

	good(beget_buffer_create(&buffer, n * sizeof(int)));
	*ints = beget_buffer_data(buffer);
	return buffer;
}

static inline int add_one(struct beget_buffer *counters, int i)
{
	return __atomic_add_fetch((int *)beget_buffer_data(counters) + i, 1, __ATOMIC_RELAXED);
}

/* Waits until *flag differs from was. */
static inline bool changes(volatile int *flag, int was)
{
	for (int64_t end = now_ms() + PATIENCE_MS; *flag == was; sleep_ms(1))
		if (now_ms() >= end)
			return false;
	return true;
}

/* A target that keeps its worker busy: it increments number 0 and waits until number 1 is not zero. */
static inline int hold(struct beget_buffer *gate)
{
	volatile int *ints = beget_buffer_data(gate);

	add_one(gate, 0);
	return changes(&ints[1], 0) ? 1 : -1;
}

static inline int nap(int ms)
{
	sleep_ms(ms);
	return ms;
}

static inline int own_pid(void)
{
	return (int)getpid();
}

#endif
