/* A call on its way to the child, and its result on the way back. */
#ifndef BEGET__ORDER_H
#define BEGET__ORDER_H

#include "call/value.h"
#include "os/arena.h"
#include "program/target.h"
#include "wire/frame.h"

/* What a child has to know before its call. */
struct beget__head {
	pid_t caller;
	uint64_t caller_started; /* in the kernel's ticks: with the pid, it names the caller for ever */
	unsigned flags;          /* of the options */
	const char *name;        /* NULL: that of the program */
	int tie;                 /* descriptors, or -1: the end of the socket that ties it to the caller, */
	int control;             /* and the socket of the helper that nested starts shall use */
	pid_t helper;
	int claims; /* of a worker: the file of the memory that it shares with the caller; -1: there is a call */
};

/* What a child has to call. Arguments and strings point into the message, values as beget__value_get leaves them. */
struct beget__order {
	struct beget__target target;
	struct beget_call call; /* without function */
	struct beget_arg *args; /* the call's */
	union beget__value *values;
};

/* What a target returned: the value, and what it left in memory that comes back. It points into the message. */
struct beget__answer {
	unsigned type;
	size_t size; /* of a BEGET_TYPE_STRUCT, or of a BEGET_TYPE_BUFFER, whose descriptor is the value */
	union beget__value value;
	uint32_t outs;
	struct beget__reader rest; /* for beget__order_next_out */
};

/* CALL: the head, then the state (state/state.h), then target and arguments, in this order. */
int beget__order_put_head(struct beget__writer *, const struct beget__head *, struct beget__fds *);
int beget__order_put_call(struct beget__writer *, const struct beget__target *, const struct beget_call *,
                          struct beget__fds *);
int beget__order_get_head(struct beget__reader *, struct beget__fds *, struct beget__head *);
/* On an error, the order has the arguments up to the bad one: their descriptors are the reader's own. */
int beget__order_get_call(struct beget__reader *, struct beget__fds *, struct beget__arena *, struct beget__order *);
/* For n arguments and their values. */
bool beget__order_make_room(struct beget__order *, struct beget__arena *, unsigned n);

int beget__order_send_result(int socket, uint32_t tag, const struct beget_call *, const union beget__value *);
bool beget__order_get_result(struct beget__frame *, struct beget__answer *);
const void *beget__order_next_out(struct beget__answer *, size_t *size);

#endif
