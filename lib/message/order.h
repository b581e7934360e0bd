/* A call that is sent to the child, and its result. */
#ifndef BEGET__ORDER_H
#define BEGET__ORDER_H

#include "call/value.h"
#include "os/arena.h"
#include "program/target.h"
#include "wire/frame.h"

/* An additional flag: the start method is spawn, although a helper created the child. */
#define BEGET__SPAWNED 0x80000000u

/* What a child needs before its call. */
struct beget__head {
	pid_t caller;
	uint64_t caller_started; /* in the kernel's ticks: with the pid, it identifies the caller uniquely */
	unsigned flags;          /* of the options */
	int limit_ms;            /* 0: none */
	const char *name;        /* NULL: that of the program */
	int tie;                 /* descriptors or -1: the end of the socket that ties the child to the caller, */
	int control;             /* and the helper's socket for nested starts */
	pid_t helper;
	int claims; /* for a worker: the file of the memory that it shares with the caller; -1: a call follows */
};

/* What a child must call. Arguments and strings point into the message; values are as beget__value_get returns them. */
struct beget__order {
	struct beget__target target;
	struct beget_call call; /* without function */
	struct beget_arg *args; /* the call's */
	union beget__value *values;
};

/* What a target returned: its value, and the contents of its outputs. It points into the message. */
struct beget__answer {
	unsigned type;
	size_t size; /* of a BEGET_TYPE_STRUCT or of a BEGET_TYPE_BUFFER; the value of the latter is a descriptor */
	union beget__value value;
	uint32_t outs;
	struct beget__reader rest; /* for beget__order_next_out */
};

/* CALL: the head, then the state (state/state.h), then target and arguments. */
int beget__order_put_head(struct beget__writer *, const struct beget__head *, struct beget__fds *);
int beget__order_put_call(struct beget__writer *, const struct beget__target *, const struct beget_call *,
                          struct beget__fds *);
int beget__order_get_head(struct beget__reader *, struct beget__fds *, struct beget__head *);
/* On an error, the order has the arguments before the bad one; the reader owns their descriptors. */
int beget__order_get_call(struct beget__reader *, struct beget__fds *, struct beget__arena *, struct beget__order *);
/* Allocates n arguments and their values. */
bool beget__order_make_room(struct beget__order *, struct beget__arena *, unsigned n);

/* TASK: the limit in ms, 0 for none, then target and arguments. */
void beget__order_put_limit(struct beget__writer *, int ms);
int beget__order_get_limit(struct beget__reader *);

int beget__order_send_result(int socket, uint32_t tag, const struct beget_call *, const union beget__value *);
bool beget__order_get_result(struct beget__frame *, struct beget__answer *);
const void *beget__order_next_out(struct beget__answer *, size_t *size);

#endif
