/* Answers of a worker that somebody received who was not its pool. */
#ifndef BEGET__STASH_H
#define BEGET__STASH_H

#include "caller/inbox.h"

/* Zero is that of a process that is no worker. */
struct beget__stash {
	void *pool;
	void (*release)(void *pool); /* with the handle of the worker; NULL: the pool has the handle */
	int bell;                    /* wakes who waits for answers */
	struct beget__stashed *first, **last;
};

/* Between these, the process is a worker of that pool. */
void beget__stash_open(struct beget__stash *, void *pool, int bell);
void beget__stash_close(struct beget__stash *);

/* The process has ended: who waits for answers looks. */
void beget__stash_ring(const struct beget__stash *);

/* Whether a frame is a worker's answer. */
bool beget__stash_is_answer(const struct beget__frame *);

/* Keeps a frame with its inbox, which becomes NULL, if it is a worker's answer. */
bool beget__stash_put(struct beget__stash *, struct beget__inbox **, struct beget__frame *);

/* The oldest: true, and the caller frees *in. */
bool beget__stash_take(struct beget__stash *, struct beget__inbox **in, struct beget__frame **);

#endif
