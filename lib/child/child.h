/* The life of a child, from birth to target to exit. */
#ifndef BEGET__CHILD_H
#define BEGET__CHILD_H

#include "wire/bytes.h"
#include "wire/fds.h"

#include <beget.h>

/* What a forked copy of the caller has in its memory. */
struct beget__inheritance {
	int channel;
	struct beget__reader reader; /* head and state, in the form of a message */
	struct beget__fds fds;
	const struct beget_call *call;
	int *lent; /* descriptors that were opened for the child: closed once they are at their numbers */
	int lent_n;
	bool other_input; /* stdin is not the caller's */
};

/* The socket to the caller. -ESRCH: this process was not started by beget, or it has closed the socket. */
int beget__child_channel(void);

/* In the helper: does once what all its children would have to do first. */
void beget__child_prepare(void);

/* The child of a helper, or an executed one: everything arrives over the socket on descriptor 3, into an aligned buffer
 * of BEGET__PACKET_SIZE bytes. */
_Noreturn void beget__child_serve(enum beget_method, bool spare, bool monitored, char *buffer);

/* A forked copy of the caller: it already has the call, and waits for the go-ahead of the caller. */
_Noreturn void beget__child_forked(struct beget__inheritance *);

#endif
