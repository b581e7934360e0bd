/* beget/pool.h: workers, tasks and pools.
 *
 * A worker is a child that runs calls one after another; a task is one such call; a pool keeps workers and distributes
 * tasks to them. Failures are as in beget.h, and any thread may call any function. beget_pool(3), beget_task(3) */
#ifndef BEGET_POOL_H
#define BEGET_POOL_H

#include <beget.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct beget_pool; /* workers, and their tasks */
struct beget_task; /* one call, submitted to a worker or a pool */

/* Flags of struct beget_task_options. */
#define BEGET_TASK_NEXT 0x1u /* beget_pool_next returns the task even if the caller has its handle */

/* Options of a task. Use BEGET_TASK_OPTIONS. Zero is the default of each field. beget_task(3) */
struct beget_task_options {
	size_t size; /* sizeof(struct beget_task_options) */
	unsigned flags;
	int limit_ms;     /* time limit; 0: the pool's limit; BEGET_FOREVER: none */
	unsigned retries; /* how often to repeat the task if its worker ends while running it */
	void *data;       /* beget_task_data returns it */
};

/* Flags of struct beget_pool_options. */
#define BEGET_POOL_IN_ORDER 0x1u /* beget_pool_next returns tasks in the order of their submission */
#define BEGET_POOL_NO_WAIT  0x2u /* submitting to a full queue fails with -EAGAIN instead of waiting */
#define BEGET_POOL_UNTIED   0x4u /* do not kill the workers when the caller ends */

/* Options of a pool. Use BEGET_POOL_OPTIONS. Zero is the default of each field. beget_pool(3) */
struct beget_pool_options {
	size_t size; /* sizeof(struct beget_pool_options) */
	unsigned flags;
	unsigned workers;                  /* maximum; 0: the number of processors that this process may use */
	unsigned min_workers;              /* minimum; 0: one */
	unsigned queue;                    /* maximum number of unfinished tasks; 0: 1024 */
	unsigned tasks_per_worker;         /* replace a worker after about this many; 0: never */
	int limit_ms;                      /* time limit of a task; 0: none */
	int idle_ms;                       /* end a worker above the minimum after this time without a task; 0: 10000 */
	int lifetime_ms;                   /* replace a worker after about this time; 0: never */
	int64_t memory_kib;                /* replace a worker whose resident memory is larger; 0: never */
	unsigned boots;                    /* consecutive starts of workers that may fail; 0: 3 */
	const struct beget_options *start; /* how to start each worker; NULL: defaults */
	const struct beget_call *prepare;  /* run first in each worker; NULL: nothing */
};

/* Status of a pool, with counters since it was opened. beget_pool(3) */
struct beget_pool_status {
	uint32_t workers; /* ready */
	uint32_t busy;    /* of these, those with a task */
	uint32_t queued;  /* tasks that have not begun */
	uint32_t running; /* tasks that have begun */
	uint64_t submitted, done, failed, canceled, timed_out;
	uint64_t started, crashed, recycled; /* workers */
	int64_t reserved[6];
};

/* Opens a pool and waits until its first worker is ready. NULL options are defaults. beget_pool(3) */
int beget_pool_open(struct beget_pool **ret, const struct beget_pool_options *options);

/* Submits a call as a task. If ret is NULL, beget_pool_next returns the task; otherwise *ret is its handle.
 * beget_pool(3) */
int beget_pool_submit(struct beget_pool *pool, struct beget_task **ret, const struct beget_task_options *options,
                      const struct beget_call *call);

/* Waits for a finished task, which the caller must free; status may be NULL. -ENOENT: no task is left. beget_pool(3) */
int beget_pool_next(struct beget_pool *pool, int timeout_ms, struct beget_task **ret, struct beget_status *status);

/* Returns a descriptor that polls readable when beget_pool_next has something to return; the pool owns it.
 * beget_pool(3) */
int beget_pool_fd(struct beget_pool *pool);

/* Changes the maximum number of workers. beget_pool(3) */
int beget_pool_resize(struct beget_pool *pool, unsigned workers);

/* Reads the pool's status and counters. beget_pool(3) */
int beget_pool_status(struct beget_pool *pool, struct beget_pool_status *ret);

/* Cancels all tasks that have not begun and returns their number. beget_pool(3) */
int beget_pool_cancel(struct beget_pool *pool);

/* Accepts no more tasks, waits at most timeout_ms for the unfinished ones, then kills the workers. beget_pool(3) */
int beget_pool_close(struct beget_pool *pool, int timeout_ms);

/* Frees a pool, and closes it first with a timeout of 0 if it is open. NULL is allowed. beget_pool(3) */
void beget_pool_free(struct beget_pool *pool);

/* Starts a worker, runs prepare in it if that is not NULL, and waits until it is ready. beget_pool(3) */
int beget_worker(struct beget_process **ret, const struct beget_options *options, const struct beget_call *prepare);

/* Submits a call to a worker, which runs it after its other tasks. beget_pool(3) */
int beget_submit(struct beget_process *worker, struct beget_task **ret, const struct beget_task_options *options,
                 const struct beget_call *call);

/* Waits at most timeout_ms for the end of a task; status may be NULL. beget_task(3) */
int beget_task_join(struct beget_task *task, int timeout_ms, struct beget_status *status);

/* Copies the result, of this type and size, to *ret. Use the macro beget_task_result in C. beget_task(3) */
int beget_task_result_as(struct beget_task *task, unsigned type, size_t size, void *ret);
/* clang-format off */
#define beget_task_result(task, ret) \
	beget_task_result_as((task), BEGET__RESULT(ret), sizeof(*BEGET__TO(ret)), (ret))
/* clang-format on */

/* Cancels a task that has not begun. -EBUSY: it has begun; -EALREADY: it is finished. beget_task(3) */
int beget_task_cancel(struct beget_task *task);

/* Sends a signal to the worker that is running the task. -ESRCH: the task is not running. beget_task(3) */
int beget_task_kill(struct beget_task *task, int signal);

/* Writes a sentence about the task; returns the length, like snprintf. beget_task(3) */
int beget_task_describe(const struct beget_task *task, char *text, size_t size);

/* Returns the pointer from the task's options. beget_task(3) */
void *beget_task_data(const struct beget_task *task);

/* Frees the handle of a task; an unfinished task continues. NULL is allowed. beget_task(3) */
void beget_task_free(struct beget_task *task);

/* Options, as .field = value, ... */
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
