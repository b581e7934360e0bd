/* A call whose arguments are not boxed. */
#ifndef BEGET__BARE_H
#define BEGET__BARE_H

#include <beget.h>

/* Points into itself and must not be copied. */
struct beget__bare {
	struct beget_call call;
	struct beget_arg few[10], *many; /* the call's arguments: few has room for all that BEGET_CALL can write */
};

/* Unboxes the arguments; the memory that they point to stays the user's. NULL, or a call without a list of arguments,
 * becomes a call without arguments. 0, or -ENOMEM and a sentence. */
int beget__bare_make(struct beget__bare *ret, const struct beget_call *);
void beget__bare_free(struct beget__bare *);

#endif
