/* One child that is kept, in an epoll instance. */
#ifndef BEGET__KEPT_H
#define BEGET__KEPT_H

#include <beget.h>

/* An event's number has the child's id, which is not 0, and which of its descriptors it is about. */
enum { BEGET__KEPT_CHANNEL, BEGET__KEPT_PIDFD, BEGET__KEPT_KINDS };

struct beget__kept {
	uint64_t id;
	struct beget_process *process;
	bool watched; /* by its pidfd, too */
	bool stirred; /* it has ended, or seems to have: no descriptor of it is ready any more */
};

/* From now on its channel is ready there when it has sent something, and, once it is known, its pidfd when it has
 * ended. */
int beget__kept_watch(struct beget__kept *, int epoll);
void beget__kept_watch_end(struct beget__kept *, int epoll);

/* Until it is known how it has ended, its descriptors would be ready all the time. */
void beget__kept_stir(struct beget__kept *, int epoll);

#endif
