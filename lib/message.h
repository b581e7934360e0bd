/* The catalogue of messages. */
#ifndef BEGET__MESSAGE_H
#define BEGET__MESSAGE_H

#include "error.h"
#include "state.h"
#include "target.h"
#include "wire.h"

enum beget__message {
	BEGET__START = 1, /* caller to helper: make a child on the descriptor that comes with it */
	BEGET__RETIRE,    /* caller to helper: serve no more, leave when the last child has ended */
	BEGET__CALL,      /* caller to child: state, target, arguments */
	BEGET__GO,        /* caller to forked child: you may run */
	BEGET__BORN,      /* child of the helper to caller: pid, and a pidfd where there are such */
	BEGET__FAILED,    /* helper or child to caller: the failure record */
	BEGET__RESULT,    /* child to caller */
	BEGET__ENDED,     /* helper to caller: how the kernel says it ended */
};

/* What a child has to know. Arguments and strings point into the message. */
struct beget__order {
	pid_t caller;
	struct beget__target target;
	struct beget_call call; /* without function */
};

/* How a process ended, in the kernel's words. */
struct beget__exit {
	int32_t wait_status;
	uint32_t unused;
	int64_t user_us, system_us, peak_kib;
};

/* Messages without a body, or with a small one, on a socket at once. */
int beget__message_send_start(int socket, int channel);
int beget__message_send_plain(int socket, enum beget__message); /* RETIRE, GO */
int beget__message_send_born(int socket, pid_t, int pidfd);
int beget__message_send_failed(int socket, const struct beget__failure *);
int beget__message_send_result(int socket, unsigned type, const union beget__value *);
int beget__message_send_ended(int socket, const struct beget__exit *);

/* CALL: the head, then the state (state.h), then target and arguments, in this order. */
void beget__message_put_head(struct beget__writer *, pid_t caller);
int beget__message_put_call(struct beget__writer *, const struct beget__target *, const struct beget_call *,
                            struct beget__fds *);
int beget__message_get_head(struct beget__reader *, pid_t *caller);
int beget__message_get_call(struct beget__reader *, struct beget__fds *, struct beget__order *);

/* The others, from a frame of that kind. False: hostile bytes. */
bool beget__message_get_start(const struct beget__frame *);
bool beget__message_get_born(const struct beget__frame *, pid_t *);
bool beget__message_get_failed(const struct beget__frame *, struct beget__failure *);
bool beget__message_get_result(const struct beget__frame *, unsigned *type, union beget__value *);
bool beget__message_get_ended(const struct beget__frame *, struct beget__exit *);

#endif
