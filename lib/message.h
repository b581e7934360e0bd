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
	BEGET__TIE,       /* caller to helper: this child, once a spare, is tied to the caller */
	BEGET__PRELOAD,   /* caller to helper, with a channel for the answer: load this library */
	BEGET__PREPARE,   /* the same: make the call that comes over the channel */
	BEGET__READY,     /* the same: begin to serve */
	BEGET__ASK,       /* the same: tell how you are */
	BEGET__CALL,      /* caller to child: state, target, arguments */
	BEGET__GO,        /* caller to forked child: you may run */
	BEGET__BORN,      /* child of the helper to caller: pid, and a pidfd where there are such */
	BEGET__FAILED,    /* helper or child to caller: the failure record */
	BEGET__RESULT,    /* child to caller */
	BEGET__CRASHED,   /* child to caller: where a fatal signal struck */
	BEGET__ENDED,     /* helper to caller: how the kernel says it ended */
	BEGET__HEALTH,    /* helper to caller, on the channel that came with what it asked */
};

/* What a child has to know before its call. */
struct beget__head {
	pid_t caller;
	uint64_t caller_started; /* in the kernel's ticks: with the pid, it names the caller for ever */
	unsigned flags;          /* of the options */
	const char *name;        /* NULL: that of the program */
	int tie;                 /* descriptors, or -1: the end of the socket that ties it to the caller, */
	int control;             /* and the socket of the helper that nested starts shall use */
	pid_t helper;
};

/* What a child has to call. Arguments and strings point into the message, values as beget__value_get leaves them. */
struct beget__order {
	struct beget__target target;
	struct beget_call call; /* without function */
	struct beget_arg *args; /* the call's */
	union beget__value *values;
	struct beget_layout *layout; /* the result's */
};

/* What a target returned: the value, and what it left in memory that comes back. It points into the message. */
struct beget__answer {
	unsigned type;
	size_t size; /* of a BEGET_TYPE_STRUCT, or of a BEGET_TYPE_BUFFER, whose descriptor is the value */
	union beget__value value;
	uint32_t outs;
	struct beget__reader rest; /* for beget__message_next_out */
};

/* How a process ended, in the kernel's words. */
struct beget__exit {
	int32_t wait_status;
	uint32_t unused;
	int64_t user_us, system_us, peak_kib;
};

/* Where a fatal signal struck. */
struct beget__crash {
	int32_t signal, code; /* as in siginfo_t */
	uint64_t address;     /* that could not be accessed, or of the instruction */
	uint64_t offset;      /* of the instruction in its module */
	char module[200];     /* path, "" for the program, "?" for none known */
};

/* How a helper is. */
struct beget__health {
	uint32_t children, spares, threads, unused;
	uint64_t started;
};

/* What a helper is asked. */
struct beget__question {
	const char *text; /* points into the message */
	unsigned flags;
	int fds[4]; /* the channel for the answer, and the caller's standard streams or -1; the reader's own */
};

/* A request for a child. */
struct beget__request {
	pid_t caller;
	uint32_t tied;  /* to the caller */
	uint32_t spare; /* made when nothing else is to be done; with BEGET__FRESH a new image and no fork */
	int within_ms;  /* for how long sending may wait for room: -ETIMEDOUT; negative: for ever. Not sent */
};
enum { BEGET__WARM = 1, BEGET__FRESH };

/* That a server keeps, of each of these. */
enum { BEGET__MOST_SPARES = 64 };

/* Messages without a body, or with a small one, on a socket at once. Those to a helper do not wait for one that is
 * stopped: a start as long as it may, a question for two seconds, the others not at all. */
int beget__message_send_start(int socket, int channel, const struct beget__request *);
int beget__message_send_tie(int socket, pid_t);
/* PRELOAD, PREPARE, READY, ASK: text is the path or NULL; fds is the channel for the answer, then the standard streams
 * or -1. */
int beget__message_send_setup(int socket, enum beget__message, const char *text, unsigned flags, const int fds[4]);
int beget__message_send_health(int socket, const struct beget__health *);
int beget__message_send_plain(int socket, enum beget__message); /* RETIRE, GO */
int beget__message_send_born(int socket, pid_t, int pidfd);
int beget__message_send_failed(int socket, const struct beget__failure *);
int beget__message_send_result(int socket, const struct beget_call *, const union beget__value *);
int beget__message_send_crashed(int socket, const struct beget__crash *); /* async-signal-safe */
int beget__message_send_ended(int socket, const struct beget__exit *);

/* CALL: the head, then the state (state.h), then target and arguments, in this order. */
int beget__message_put_head(struct beget__writer *, const struct beget__head *, struct beget__fds *);
int beget__message_put_call(struct beget__writer *, const struct beget__target *, const struct beget_call *,
                            struct beget__fds *);
int beget__message_get_head(struct beget__reader *, struct beget__fds *, struct beget__head *);
int beget__message_get_call(struct beget__reader *, struct beget__fds *, struct beget__order *);
void beget__message_free_call(struct beget__order *); /* what was got, even of one that failed */

/* The others, from a frame of that kind. False: hostile bytes, and nothing is written. */
bool beget__message_get_start(const struct beget__frame *, struct beget__request *);
bool beget__message_get_tie(const struct beget__frame *, pid_t *);
bool beget__message_get_setup(struct beget__frame *, struct beget__question *);
bool beget__message_get_health(const struct beget__frame *, struct beget__health *);
bool beget__message_get_born(const struct beget__frame *, pid_t *);
bool beget__message_get_failed(const struct beget__frame *, struct beget__failure *);
bool beget__message_get_result(struct beget__frame *, struct beget__answer *);
const void *beget__message_next_out(struct beget__answer *, size_t *size);
bool beget__message_get_crashed(const struct beget__frame *, struct beget__crash *);
bool beget__message_get_ended(const struct beget__frame *, struct beget__exit *);

#endif
