/* The caller's end of the socket to one child. */
#ifndef BEGET__CHANNEL_H
#define BEGET__CHANNEL_H

#include "caller/inbox.h"

#include <stdbool.h>

/* Who polls uses fd, who makes the child uses far; all else is channel.c's. */
struct beget__channel {
	int fd;
	int far;     /* the child's end, until the child has it */
	int reserve; /* keeps a place for the descriptor that the child sends when it is born */
	bool closed; /* nothing more comes */
	bool unread; /* the child ended without having read all that was sent */
	struct beget__inbox *in;
};

/* None. */
void beget__channel_init(struct beget__channel *);

/* What opens or closes a descriptor is done under the guard: see caller/forks.h. */
int beget__channel_open(struct beget__channel *);
int beget__channel_reserve(struct beget__channel *);
void beget__channel_close(struct beget__channel *); /* all of it; it can be opened again */
void beget__channel_close_far(struct beget__channel *);

/* Sends a frame; a child that has ended is no error: closed or unread tell of it. */
int beget__channel_send(struct beget__channel *, unsigned kind, const struct iovec *, int n, const int *fds, int nfds);

/* The next whole frame, or NULL if none has come; never waits. Under the guard, until its descriptors are taken. It
 * lives until the next call; who takes in (and leaves NULL there) keeps it. */
struct beget__frame *beget__channel_receive(struct beget__channel *);

/* In a forked copy: closes the caller's end and, unless the fork is for the child, the child's. */
void beget__channel_release(const struct beget__channel *, bool for_child);

#endif
