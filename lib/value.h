/* Typed values to and from bytes: arguments and results. */
#ifndef BEGET__VALUE_H
#define BEGET__VALUE_H

#include "bytes.h"

#include <beget.h>

/* Room for one value of any type. */
union beget__value {
	bool boolean;
	char c;
	signed char sc;
	unsigned char uc;
	short s;
	unsigned short us;
	int i;
	unsigned u;
	long l;
	unsigned long ul;
	long long ll;
	unsigned long long ull;
	float f;
	double d;
	const void *pointer;
	struct beget_bytes bytes;
	struct beget_fd fd;
};

/* The size of a value of this type; 0 for void and for what is no type. */
size_t beget__value_size(unsigned type);

/* Descriptors that travel beside the bytes. */
struct beget__fds {
	int *fds;
	int n, room;
};

/* Adds one, writing down its index: -EMSGSIZE if they are too many. */
int beget__put_fd(struct beget__writer *, struct beget__fds *, int fd);
/* Reads an index: the descriptor, or -EBADMSG, or -EMFILE where it got lost on the way. With take, it is the caller's
 * from then on. */
int beget__get_fd(struct beget__reader *, struct beget__fds *, bool take);

/* The value that arg->value points to. */
union beget__value beget__value_of(const struct beget_arg *);

/* Writes the value that arg->value points to. A descriptor is added to fds: -EMSGSIZE if it is full. */
int beget__value_put(struct beget__writer *, const struct beget_arg *, struct beget__fds *);

/* Reads a value of the expected type into *ret; what it points to stays in the message. False: hostile bytes. */
bool beget__value_get(struct beget__reader *, unsigned type, size_t *size, struct beget__fds *,
                      union beget__value *ret);

#endif
