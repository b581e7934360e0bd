/* The workers of a pool. */
#ifndef BEGET__CREW_H
#define BEGET__CREW_H

#include "pool/pool.h"

/* Starts the first workers. */
int beget__crew_begin(struct beget_pool *);

/* Does what is due after these events of the epoll instance: receives answers, looks after the workers, sends tasks. */
void beget__crew_work(struct beget_pool *, const uint64_t *events, int n);

/* The time at which something is due without an event from a worker; INT64_MAX: never. */
int64_t beget__crew_due(const struct beget_pool *);

/* Starts no more workers and ends the existing ones, at once if kill. */
void beget__crew_dismiss(struct beget_pool *, bool kill);

/* The same without waiting for running tasks, whose outcome will be unknown. */
void beget__crew_abandon(struct beget_pool *);

/* Fills in the numbers of workers and tasks. */
void beget__crew_count(const struct beget_pool *, struct beget_pool_status *);

#endif
