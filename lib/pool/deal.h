/* The distribution of a pool's tasks to its workers. */
#ifndef BEGET__DEAL_H
#define BEGET__DEAL_H

#include "pool/pool.h"

/* Accepts a new task. */
void beget__deal_take(struct beget_pool *, struct beget_task *);

/* Sends waiting tasks to workers, and moves some of another worker's tasks to a worker without tasks. */
void beget__deal_out(struct beget_pool *);
void beget__deal_even(struct beget_pool *);

/* Handles the results of a worker's tasks; and one task that has ended. */
void beget__deal_take_news(struct beget_pool *, struct beget__news *);
void beget__deal_finished(struct beget_pool *, struct beget_task *);

/* The task that beget_pool_next returns next, or NULL. */
struct beget_task *beget__deal_next(const struct beget_pool *);

/* The caller takes a finished task out of the pool, or frees any task. True if the task can be destroyed. */
void beget__deal_settle(struct beget_pool *, struct beget_task *);
bool beget__deal_forget(struct beget_pool *, struct beget_task *);

/* Cancels a task that has not begun; or all of them, and returns their number. */
bool beget__deal_cancel(struct beget_pool *, struct beget_task *);
int beget__deal_cancel_all(struct beget_pool *);

/* Every waiting task fails for this reason. */
void beget__deal_fail_all(struct beget_pool *, const struct beget__failure *why);

/* Sends a signal to the worker that is running the task. */
int beget__deal_kill(struct beget_pool *, struct beget_task *, int signal);

/* Closes the descriptors of tasks in a forked copy of the pool. */
void beget__deal_release(const struct beget_pool *);

#endif
