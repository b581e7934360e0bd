/* The workers of a pool. */
#ifndef BEGET__CREW_H
#define BEGET__CREW_H

#include "pool/pool.h"

/* Starts the first workers. */
int beget__crew_begin(struct beget_pool *);

/* Does what is due, given what the epoll instance found: takes in what workers sent, looks after them, hands out tasks.
 */
void beget__crew_work(struct beget_pool *, const uint64_t *events, int n);

/* When something will be due without a worker's doing; INT64_MAX: never. */
int64_t beget__crew_due(const struct beget_pool *);

/* No more workers: those that there are end, at once if kill. */
void beget__crew_dismiss(struct beget_pool *, bool kill);

/* The same without waiting for what runs: how it ends will not be known. */
void beget__crew_abandon(struct beget_pool *);

/* Fills in how many workers and tasks there are. */
void beget__crew_count(const struct beget_pool *, struct beget_pool_status *);

#endif
