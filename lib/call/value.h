/* Converts typed values to bytes and back: arguments and results. */
#ifndef BEGET__VALUE_H
#define BEGET__VALUE_H

#include "os/arena.h"
#include "wire/bytes.h"
#include "wire/fds.h"

#include <beget.h>

/* One value of any type. */
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

/* The alignment in a message of an object of this size, or of bytes of unknown type. */
size_t beget__value_align(size_t size);

/* The flags of arguments whose memory is sent back. */
#define BEGET__COMES_BACK (BEGET_ARG_OUT | BEGET_ARG_INOUT)

/* All arguments below are unboxed: see call/bare.h. */

/* The value of an argument; for a BEGET_TYPE_STRUCT, its address. */
union beget__value beget__value_of(const struct beget_arg *);

/* The memory of this argument that is sent back, and its size; NULL if there is none. */
void *beget__value_comes_back(const struct beget_arg *, size_t *size);

/* Writes the value of an argument and adds its descriptors to fds. -EMSGSIZE: fds is full; -EOPNOTSUPP: a function is
 * in no module. */
int beget__value_put(struct beget__writer *, const struct beget_arg *, struct beget__fds *, bool foreign);

/* Reads the value of an argument, whose type and flags are set, into *ret, and its size and layout into the argument.
 * Data that it points to stays in the message. References are not resolved: for a function, *ret points to its name in
 * the message; for a buffer, it is a descriptor; for an output, whether there is one. False: hostile bytes. */
bool beget__value_get(struct beget__reader *, struct beget_arg *, struct beget__fds *, struct beget__arena *,
                      union beget__value *ret);

/* The same for a result. A struct is sent without its layout, which the caller has. A buffer is a descriptor, or
 * -EMFILE if that was lost on the way. */
int beget__value_put_result(struct beget__writer *, const struct beget_call *, const union beget__value *,
                            struct beget__fds *);
bool beget__value_get_result(struct beget__reader *, unsigned type, size_t *size, struct beget__fds *,
                             union beget__value *ret);

#endif
