/* What one call promises to return, and what was returned. A process can have many promises. */
#ifndef BEGET__PROMISE_H
#define BEGET__PROMISE_H

#include "message/order.h"
#include "wire/frame.h"

/* Only promise.c uses the fields. */
struct beget__promise {
	struct {
		unsigned type; /* of the result */
		size_t size;   /* of a BEGET_TYPE_STRUCT */
		uint32_t n;    /* outputs, in the caller's memory */
		struct beget__out {
			void *to;
			size_t size;
		} * outs;
	} wanted;
	bool answered;  /* as promised */
	bool delivered; /* the outputs have been copied to the caller's memory */
	struct beget__answer answer;
	/* A returned buffer's descriptor until the user asks for it; -1: none; -EMFILE: lost. */
	int buffer;
	struct beget__body body; /* the answer points into it */
};

/* Makes an empty promise; note records what a call promises: 0 or -ENOMEM. */
void beget__promise_init(struct beget__promise *);
int beget__promise_make(struct beget__promise *, const struct beget_call *);

/* Takes the answer from a RESULT frame, and keeps the body of the frame if the answer points into it. settled: the call
 * is known to have returned, so outputs are copied at once. An answer that is not as promised, or a second one, is
 * ignored. */
void beget__promise_take(struct beget__promise *, struct beget__frame *, bool settled);
bool beget__promise_kept(const struct beget__promise *);
/* The process did not end in the way of a call that returned. */
void beget__promise_disbelieve(struct beget__promise *);

/* Copies outputs to the caller's memory, once. */
void beget__promise_deliver(struct beget__promise *);

/* Copies the result; a failure leaves a sentence. */
int beget__promise_result(struct beget__promise *, unsigned type, size_t size, void *ret);

/* Delivers nothing from now on: the memory belongs to the user again. */
void beget__promise_forget(struct beget__promise *);

void beget__promise_free(struct beget__promise *);          /* everything except the descriptor */
void beget__promise_release(const struct beget__promise *); /* closes it, in a forked copy too */

#endif
