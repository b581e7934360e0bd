/* Descriptors of a message. */
#ifndef BEGET__FDS_H
#define BEGET__FDS_H

#include "wire/bytes.h"

/* Descriptors that travel beside the bytes. */
struct beget__fds {
	int *fds;
	int n, room;
};

/* Adds one, writing down its index: -EMSGSIZE if they are too many. */
int beget__fds_put(struct beget__writer *, struct beget__fds *, int fd);
/* Reads an index: the descriptor, or -EBADMSG, or -EMFILE where it got lost on the way. With take, it is the caller's
 * from then on. */
int beget__fds_get(struct beget__reader *, struct beget__fds *, bool take);

#endif
