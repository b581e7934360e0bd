/* The tasks of a pool, among its workers. */
#ifndef BEGET__DEAL_H
#define BEGET__DEAL_H

#include "pool/pool.h"

/* Takes a new task. */
void beget__deal_take(struct beget_pool *, struct beget_task *);

/* Hands waiting tasks to workers; gives a worker without tasks some of another's. */
void beget__deal_out(struct beget_pool *);
void beget__deal_even(struct beget_pool *);

/* Takes in what became of a worker's tasks; one task that has its outcome. */
void beget__deal_take_news(struct beget_pool *, struct beget__news *);
void beget__deal_finished(struct beget_pool *, struct beget_task *);

/* The task that beget_pool_next returns next, or NULL. */
struct beget_task *beget__deal_next(const struct beget_pool *);

/* The caller takes a finished task out of the pool, or frees any task: true if it can be destroyed. */
void beget__deal_settle(struct beget_pool *, struct beget_task *);
bool beget__deal_forget(struct beget_pool *, struct beget_task *);

/* Cancels a task, if it has not begun; or all that have not begun, and counts them. */
bool beget__deal_cancel(struct beget_pool *, struct beget_task *);
int beget__deal_cancel_all(struct beget_pool *);

/* Every waiting task fails for that reason. */
void beget__deal_fail_all(struct beget_pool *, const struct beget__failure *why);

/* Sends a signal to the worker that runs the task. */
int beget__deal_kill(struct beget_pool *, struct beget_task *, int signal);

/* Closes the descriptors of tasks in a forked copy of the pool. */
void beget__deal_release(const struct beget_pool *);

#endif
