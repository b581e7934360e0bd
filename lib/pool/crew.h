/* The workers of a pool, and the tasks among them. */
#ifndef BEGET__CREW_H
#define BEGET__CREW_H

#include "pool/pool.h"

/* Starts the first workers. */
int beget__crew_begin(struct beget_pool *);

/* Does what is due, given what beget__poll_wait found: takes in what workers sent, looks after them, hands out tasks.
 */
void beget__crew_work(struct beget_pool *, const uint64_t *events, int n);

/* When something will be due without a worker's doing; INT64_MAX: never. */
int64_t beget__crew_due(const struct beget_pool *);

/* The task that beget_pool_next returns next, or NULL. */
struct beget_task *beget__crew_next(const struct beget_pool *);

/* Takes a new task. */
void beget__crew_take(struct beget_pool *, struct beget_task *);

/* The caller takes a finished task out of the pool, or frees any task: true if it can be destroyed. */
void beget__crew_settle(struct beget_pool *, struct beget_task *);
bool beget__crew_forget(struct beget_pool *, struct beget_task *);

/* Cancels a task, if it has not begun; or all that have not begun, and counts them. */
bool beget__crew_cancel(struct beget_pool *, struct beget_task *);
int beget__crew_cancel_all(struct beget_pool *);

/* Sends a signal to the worker that runs the task. */
int beget__crew_kill(struct beget_pool *, struct beget_task *, int signal);

/* No more workers: those that there are end, at once if kill. */
void beget__crew_dismiss(struct beget_pool *, bool kill);

/* The same without waiting for what runs: nobody will know how it ends. */
void beget__crew_abandon(struct beget_pool *);

/* Fills in how many workers and tasks there are. */
void beget__crew_count(const struct beget_pool *, struct beget_pool_status *);

/* Closes the descriptors of a forked copy of the pool. */
void beget__crew_release(const struct beget_pool *);

#endif
