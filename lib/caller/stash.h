/* Answers of a worker that were received outside its pool. */
#ifndef BEGET__STASH_H
#define BEGET__STASH_H

#include "caller/inbox.h"

/* Zero: the process is not a worker. */
struct beget__stash {
	void *pool;
	void (*release)(void *pool); /* called when the worker's handle is freed; NULL: the pool owns the handle */
	int bell;                    /* wakes the thread that waits for answers */
	struct beget__stashed *first, **last;
};

/* From open to close, the process is a worker of that pool. */
void beget__stash_open(struct beget__stash *, void *pool, int bell);
void beget__stash_close(struct beget__stash *);

/* Wakes the thread that waits for answers: the process has ended. */
void beget__stash_ring(const struct beget__stash *);

/* True if a frame is a worker's answer. */
bool beget__stash_is_answer(const struct beget__frame *);

/* Keeps a frame that is a worker's answer, together with its inbox, which becomes NULL. */
bool beget__stash_put(struct beget__stash *, struct beget__inbox **, struct beget__frame *);

/* Takes the oldest: true, and the caller frees *in. */
bool beget__stash_take(struct beget__stash *, struct beget__inbox **in, struct beget__frame **);

#endif
