/* What one call promises to return, and what came back of it. A process can have many. */
#ifndef BEGET__PROMISE_H
#define BEGET__PROMISE_H

#include "caller/inbox.h"
#include "message/order.h"

/* All of it is promise.c's. */
struct beget__promise {
	struct {
		unsigned type; /* of the result */
		size_t size;   /* of a BEGET_TYPE_STRUCT */
		uint32_t n;    /* what the target leaves in memory of the caller */
		struct beget__out {
			void *to;
			size_t size;
		} * outs;
	} wanted;
	bool answered;  /* as promised */
	bool delivered; /* the memory of the caller is filled */
	struct beget__answer answer;
	int buffer;              /* a returned buffer's descriptor until it is asked for; -1: none; -EMFILE: lost */
	struct beget__inbox *in; /* what the answer points into */
};

/* Of nothing; and with what the call promises: 0 or -ENOMEM. */
void beget__promise_init(struct beget__promise *);
int beget__promise_make(struct beget__promise *, const struct beget_call *);

/* From a RESULT frame in that inbox, which becomes NULL if the answer points into it. What is not as promised, or comes
 * a second time, is ignored. */
void beget__promise_take(struct beget__promise *, struct beget__inbox **, struct beget__frame *);
bool beget__promise_kept(const struct beget__promise *);
void beget__promise_disbelieve(struct beget__promise *); /* the process did not end as one that returned */

/* Copies what the target left in memory that comes back to where it belongs; once. */
void beget__promise_deliver(struct beget__promise *);

/* Copies the result; a failure has its sentence. */
int beget__promise_result(struct beget__promise *, unsigned type, size_t size, void *ret);

/* The same, and what only the delivery needed is freed. */
void beget__promise_settle(struct beget__promise *);

/* Nothing is delivered any more: the memory is the user's. */
void beget__promise_forget(struct beget__promise *);

void beget__promise_free(struct beget__promise *);          /* but for the descriptor: */
void beget__promise_release(const struct beget__promise *); /* closes it, in a forked copy too */

#endif
