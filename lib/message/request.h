/* Requests to a helper, and its replies. */
#ifndef BEGET__REQUEST_H
#define BEGET__REQUEST_H

#include "message/message.h"
#include "wire/frame.h"

/* A child that is created before its start: a fork of the helper, or a new image. */
enum beget__spare { BEGET__NO_SPARE, BEGET__WARM, BEGET__FRESH, BEGET__SPARE_KINDS };

/* A request for a child. */
struct beget__request {
	pid_t caller;
	uint32_t tied;           /* to the caller */
	uint32_t monitored;      /* the process will fork the child and report on it */
	enum beget__spare spare; /* to be created when the helper is idle */
	/* How long sending may wait for room: -ETIMEDOUT; negative: without a limit. Not sent. */
	int within_ms;
};
/* The maximum number that a server keeps, of each kind. */
enum { BEGET__MOST_SPARES = 64 };

/* A question to a helper. */
struct beget__question {
	const char *text; /* points into the message */
	unsigned flags;
	int fds[4]; /* the channel for the reply, and the caller's standard streams or -1; they belong to the reader */
};

/* The status of a helper. */
struct beget__health {
	uint32_t children, threads;
	uint64_t started;
};

/* Sending to a stopped helper waits with a limit: a start as long as its own limit permits, a question for two seconds,
 * other requests not at all. */
int beget__request_send_start(int socket, int channel, const struct beget__request *);
int beget__request_send_tie(int socket, pid_t);
/* PRELOAD, PREPARE, READY, ASK: text is the path or NULL; fds are the channel for the reply, then the standard streams
 * or -1. */
int beget__request_send_setup(int socket, enum beget__message, const char *text, unsigned flags, const int fds[4]);
int beget__request_send_health(int socket, const struct beget__health *);
int beget__request_send_plain(int socket, enum beget__message); /* RETIRE, LEAVE, GO */

/* From a frame of that kind. False: hostile bytes, and nothing is written. */
bool beget__request_get_start(const struct beget__frame *, struct beget__request *);
bool beget__request_get_tie(const struct beget__frame *, pid_t *);
bool beget__request_get_setup(struct beget__frame *, struct beget__question *);
bool beget__request_get_health(const struct beget__frame *, struct beget__health *);

#endif
