/* A call that is kept after the program's memory that described it has changed. */
#ifndef BEGET__KEEP_H
#define BEGET__KEEP_H

#include "call/value.h"

struct beget__keep {
	struct beget_call call;
	struct beget_arg *args; /* the call's */
	union beget__value *values;
	char *bytes; /* values point to them */
	struct beget__arena arena;
};

/* Copies a call and everything that its arguments point to; descriptors are duplicated, and buffers get one more owner.
 * -EINVAL for outputs, -EOPNOTSUPP for pointers that cannot be followed. */
int beget__keep_new(const struct beget_call *, struct beget__keep **ret);
void beget__keep_free(struct beget__keep *);

/* In a forked copy of the process: closes the descriptors and writes no memory. */
void beget__keep_release(const struct beget__keep *);

#endif
