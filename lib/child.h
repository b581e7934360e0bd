/* A child's way from its birth to its target to its end. */
#ifndef BEGET__CHILD_H
#define BEGET__CHILD_H

#include <beget.h>

/* The child of a helper, or an executed one: all it knows comes over descriptor 3. */
_Noreturn void beget__child_serve(enum beget_method);

/* A forked copy of the caller: it has the call already, and waits for the caller's word. */
_Noreturn void beget__child_forked(int channel, pid_t caller, const struct beget_call *);

#endif
