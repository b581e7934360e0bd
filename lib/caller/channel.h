/* The caller's end of the socket to one child. */
#ifndef BEGET__CHANNEL_H
#define BEGET__CHANNEL_H

#include "caller/inbox.h"

#include <stdbool.h>

/* fd is for code that polls and far for code that creates the child; the other fields are used only in channel.c. */
struct beget__channel {
	int fd;
	int far;     /* the child's end, until it is passed on */
	int reserve; /* reserves a number for the descriptor that the child sends when it is born */
	bool many;   /* frames with tags are received */
	bool closed; /* no more messages can arrive */
	bool unread; /* the child ended before it had read all that was sent */
	struct beget__inbox *in;
};

/* A closed channel. */
void beget__channel_init(struct beget__channel *);

/* Descriptors are opened and closed under the guard: see caller/forks.h. */
int beget__channel_open(struct beget__channel *);
int beget__channel_reserve(struct beget__channel *);
void beget__channel_close(struct beget__channel *); /* closes everything; the channel can be opened again */
void beget__channel_close_far(struct beget__channel *);

/* Sends a frame. It is no error if the child has ended: the field closed or unread shows that. */
int beget__channel_send(struct beget__channel *, unsigned kind, const struct iovec *, int n, const int *fds, int nfds);

/* The next complete frame, or NULL if none has arrived; never waits. Call it under the guard and hold that until the
 * descriptors are taken. The frame is valid until the next call, or longer if the caller takes in and leaves NULL. */
struct beget__frame *beget__channel_receive(struct beget__channel *);

/* In a forked copy: closes the caller's end and, unless the copy is this channel's child, also the child's end. */
void beget__channel_release(const struct beget__channel *, bool for_child);

#endif
