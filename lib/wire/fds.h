/* Descriptors of a message. */
#ifndef BEGET__FDS_H
#define BEGET__FDS_H

#include "wire/bytes.h"

/* Descriptors that are sent with the bytes. */
struct beget__fds {
	int *fds;
	int n, room;
};

/* Adds a descriptor and writes its index. -EMSGSIZE: too many. */
int beget__fds_put(struct beget__writer *, struct beget__fds *, int fd);
/* Reads an index and returns the descriptor. -EBADMSG: invalid; -EMFILE: the descriptor was lost on the way. With take,
 * the descriptor belongs to the caller from then on. */
int beget__fds_get(struct beget__reader *, struct beget__fds *, bool take);

#endif
