/* A call whose arguments have no boxes. */
#ifndef BEGET__BARE_H
#define BEGET__BARE_H

#include <beget.h>

/* Points into itself: it cannot be copied. */
struct beget__bare {
	struct beget_call call;
	struct beget_arg few[10], *many; /* the call's arguments; all that BEGET_CALL can write are few */
};

/* Takes the arguments out of their boxes; what they point to stays the user's. A call of NULL, or one without a list of
 * arguments, becomes a call without arguments. 0 or -ENOMEM and a sentence. */
int beget__bare_make(struct beget__bare *ret, const struct beget_call *);
void beget__bare_free(struct beget__bare *);

#endif
