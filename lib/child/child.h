/* A child's way from its birth to its target to its end. */
#ifndef BEGET__CHILD_H
#define BEGET__CHILD_H

#include "wire/bytes.h"
#include "wire/fds.h"

#include <beget.h>

/* What a forked copy of the caller finds in its memory. */
struct beget__inheritance {
	int channel;
	struct beget__reader reader; /* head and state, as they would have come in a message */
	struct beget__fds fds;
	const struct beget_call *call;
	int *lent; /* descriptors that were opened for the child: closed once they are in their places */
	int lent_n;
	bool other_input; /* stdin is not the caller's */
};

/* In the helper: what all its children would have to do first is done once. */
void beget__child_prepare(void);

/* The child of a helper, or an executed one: all it knows comes over the socket on descriptor 3, into an aligned buffer
 * of BEGET__FRAME_PACKET bytes. */
_Noreturn void beget__child_serve(enum beget_method, bool spare, char *buffer);

/* A forked copy of the caller: it has the call already, and waits for the caller's word. */
_Noreturn void beget__child_forked(struct beget__inheritance *);

#endif
