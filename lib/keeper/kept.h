/* One child in an epoll instance. */
#ifndef BEGET__KEPT_H
#define BEGET__KEPT_H

#include <beget.h>

/* The number of an event contains the child's id, which is not 0, and which of its descriptors is meant. */
enum { BEGET__KEPT_CHANNEL, BEGET__KEPT_PIDFD, BEGET__KEPT_KINDS };

struct beget__kept {
	uint64_t id;
	struct beget_process *process;
	bool watched; /* by its pidfd too */
	bool stirred; /* it has ended, or seems to have: its descriptors are no longer watched */
};

/* From now on, events show that its channel has messages and, once its pidfd is known, that it has ended. */
int beget__kept_watch(struct beget__kept *, int epoll);
void beget__kept_watch_end(struct beget__kept *, int epoll);

/* Stops watching it: until its status is known, its descriptors would be ready all the time. */
void beget__kept_stir(struct beget__kept *, int epoll);

#endif
