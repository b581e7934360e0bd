/* beget/pool.h: workers, tasks and pools.
 *
 * A worker is a child that stays and runs calls one after another; a task is one such call; a pool keeps workers and
 * hands them tasks. Functions fail as those of beget.h do, and may be called from any thread. beget_pool(3),
 * beget_task(3) */
#ifndef BEGET_POOL_H
#define BEGET_POOL_H

#include <beget.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct beget_pool; /* workers, and the tasks that wait for them */
struct beget_task; /* one call given to a worker or a pool */

/* Flags of struct beget_task_options. */
#define BEGET_TASK_NEXT 0x1u /* beget_pool_next returns the task although the caller has its handle */

/* Settings of one task; fill it with BEGET_TASK_OPTIONS. Zero is always the default. beget_task(3) */
struct beget_task_options {
	size_t size; /* sizeof(struct beget_task_options) */
	unsigned flags;
	int limit_ms;     /* the longest it may run; 0: the pool's limit; BEGET_FOREVER: none */
	unsigned retries; /* how often it may be repeated when a worker ends while running it */
	void *data;       /* the caller's own; beget_task_data returns it */
};

/* Flags of struct beget_pool_options. */
#define BEGET_POOL_IN_ORDER 0x1u /* beget_pool_next returns tasks in the order in which they were submitted */
#define BEGET_POOL_NO_WAIT  0x2u /* submitting to a full queue fails with -EAGAIN instead of waiting */
#define BEGET_POOL_UNTIED   0x4u /* the workers are not killed when the caller is gone */

/* Settings of a pool; fill it with BEGET_POOL_OPTIONS. Zero is always the default. beget_pool(3) */
struct beget_pool_options {
	size_t size; /* sizeof(struct beget_pool_options) */
	unsigned flags;
	unsigned workers;                  /* at most; 0: the processors that this process may use */
	unsigned min_workers;              /* at least; 0: one */
	unsigned queue;                    /* tasks that may be unfinished at once; 0: 1024 */
	unsigned tasks_per_worker;         /* a worker is replaced after about so many; 0: never */
	int limit_ms;                      /* the longest a task may run; 0: no limit */
	int idle_ms;                       /* a worker above the minimum ends after so long without a task; 0: 10000 */
	int lifetime_ms;                   /* a worker is replaced after about so long; 0: never */
	int64_t memory_kib;                /* a worker is replaced when it has more resident; 0: never */
	unsigned boots;                    /* starts of workers that may fail in a row; 0: 3 */
	const struct beget_options *start; /* how each worker is started; NULL: all defaults */
	const struct beget_call *prepare;  /* called first in each worker; NULL: nothing */
};

/* The state of a pool, with counters since it was opened. beget_pool(3) */
struct beget_pool_status {
	uint32_t workers; /* that are ready */
	uint32_t busy;    /* of these, with a task */
	uint32_t queued;  /* tasks that have not begun */
	uint32_t running; /* tasks that have */
	uint64_t submitted, done, failed, canceled, timed_out;
	uint64_t started, crashed, recycled; /* workers */
	int64_t reserved[6];
};

/* Opens a pool and waits until its first worker is ready. NULL options are all defaults. beget_pool(3) */
int beget_pool_open(struct beget_pool **ret, const struct beget_pool_options *options);

/* Gives the pool a call to run. With ret NULL, beget_pool_next returns the task; else the caller has it now.
 * beget_pool(3) */
int beget_pool_submit(struct beget_pool *pool, struct beget_task **ret, const struct beget_task_options *options,
                      const struct beget_call *call);

/* Waits for a finished task, which is the caller's to free; status may be NULL. -ENOENT if none is left.
 * beget_pool(3) */
int beget_pool_next(struct beget_pool *pool, int timeout_ms, struct beget_task **ret, struct beget_status *status);

/* A descriptor that polls readable when beget_pool_next is worth a call; it belongs to the pool. beget_pool(3) */
int beget_pool_fd(struct beget_pool *pool);

/* Changes the most workers that the pool may have. beget_pool(3) */
int beget_pool_resize(struct beget_pool *pool, unsigned workers);

/* Reads the pool's state and counters. beget_pool(3) */
int beget_pool_status(struct beget_pool *pool, struct beget_pool_status *ret);

/* Cancels all tasks that have not begun and returns how many they were. beget_pool(3) */
int beget_pool_cancel(struct beget_pool *pool);

/* Takes no more tasks, waits at most timeout_ms for the unfinished ones, then kills. beget_pool(3) */
int beget_pool_close(struct beget_pool *pool, int timeout_ms);

/* Frees a pool; one that is still open is closed with a timeout of 0. NULL is allowed. beget_pool(3) */
void beget_pool_free(struct beget_pool *pool);

/* Starts one worker, runs prepare in it if that is not NULL, and waits until it is ready. beget_pool(3) */
int beget_worker(struct beget_process **ret, const struct beget_options *options, const struct beget_call *prepare);

/* Gives a worker a call to run after those that it has. beget_pool(3) */
int beget_submit(struct beget_process *worker, struct beget_task **ret, const struct beget_task_options *options,
                 const struct beget_call *call);

/* Waits for the end of a task, at most timeout_ms; status may be NULL. beget_task(3) */
int beget_task_join(struct beget_task *task, int timeout_ms, struct beget_status *status);

/* Copies what the target returned into *ret, of that type and size; use the macro in C. beget_task(3) */
int beget_task_result_as(struct beget_task *task, unsigned type, size_t size, void *ret);
/* clang-format off */
#define beget_task_result(task, ret) \
	beget_task_result_as((task), BEGET__RESULT(ret), sizeof(*BEGET__TO(ret)), (ret))
/* clang-format on */

/* Takes back a task that has not begun; -EBUSY if it has, -EALREADY if it is finished. beget_task(3) */
int beget_task_cancel(struct beget_task *task);

/* Sends a signal to the worker that is running the task; -ESRCH if none is. beget_task(3) */
int beget_task_kill(struct beget_task *task, int signal);

/* Writes a sentence about the task and returns its length, as snprintf does. beget_task(3) */
int beget_task_describe(const struct beget_task *task, char *text, size_t size);

/* The pointer from the task's options. beget_task(3) */
void *beget_task_data(const struct beget_task *task);

/* Frees a task; one that is not finished runs on. NULL is allowed. beget_task(3) */
void beget_task_free(struct beget_task *task);

/* Settings, as .field = value, ... */
/* clang-format off */
#define BEGET_TASK_OPTIONS(...) \
	(&(const struct beget_task_options){ .size = sizeof(struct beget_task_options), __VA_ARGS__ })
#define BEGET_POOL_OPTIONS(...) \
	(&(const struct beget_pool_options){ .size = sizeof(struct beget_pool_options), __VA_ARGS__ })
/* clang-format on */

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
