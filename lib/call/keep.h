/* A call that outlives the memory of the program that described it. */
#ifndef BEGET__KEEP_H
#define BEGET__KEEP_H

#include "call/value.h"

struct beget__keep {
	struct beget_call call;
	struct beget_arg *args; /* the call's */
	union beget__value *values;
	char *bytes; /* to which values point */
	struct beget__arena arena;
};

/* Copies a call and all that its arguments point to; descriptors are duplicated, buffers get one more owner. -EINVAL
 * for arguments that come back, -EOPNOTSUPP for pointers that no copy can follow. */
int beget__keep_new(const struct beget_call *, struct beget__keep **ret);
void beget__keep_free(struct beget__keep *);

/* In a forked copy of the process: closes the descriptors, without writing. */
void beget__keep_release(const struct beget__keep *);

#endif
