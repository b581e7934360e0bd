/* Typed values to and from bytes: arguments and results. */
#ifndef BEGET__VALUE_H
#define BEGET__VALUE_H

#include "os/arena.h"
#include "wire/bytes.h"
#include "wire/fds.h"

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
	void (*function)(void);
	struct beget_buffer *buffer;
	struct beget_bytes bytes;
	struct beget_fd fd;
};

/* How an object of that size is aligned, or a run of bytes that may be anything. */
size_t beget__value_align(size_t size);

/* The flags of an argument whose memory comes back. */
#define BEGET__COMES_BACK (BEGET_ARG_OUT | BEGET_ARG_INOUT)

/* All arguments below are bare: see call/bare.h. */

/* The value of an argument. For a BEGET_TYPE_STRUCT, where it lies. */
union beget__value beget__value_of(const struct beget_arg *);

/* The memory that comes back from this argument, and its size; NULL if none does. */
void *beget__value_comes_back(const struct beget_arg *, size_t *size);

/* Writes the value of an argument. Descriptors are added to fds: -EMSGSIZE if it is full. -EOPNOTSUPP for a
 * function of no module. */
int beget__value_put(struct beget__writer *, const struct beget_arg *, struct beget__fds *);

/* Reads the value of the argument, whose type and flags are filled in, into *ret and its size and layout into the
 * argument; what it points to stays in the message. What it only names is not looked for: for a function *ret is where
 * its name is in the message, for a buffer its descriptor, for memory to be written to whether there shall be any.
 * False: hostile bytes. */
bool beget__value_get(struct beget__reader *, struct beget_arg *, struct beget__fds *, struct beget__arena *,
                      union beget__value *ret);

/* The same for what a target returned. A struct goes without its layout: the caller has it. A buffer's descriptor is
 * -EMFILE where it got lost on the way. */
int beget__value_put_result(struct beget__writer *, const struct beget_call *, const union beget__value *,
                            struct beget__fds *);
bool beget__value_get_result(struct beget__reader *, unsigned type, size_t *size, struct beget__fds *,
                             union beget__value *ret);

#endif
