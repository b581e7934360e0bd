/* Launching the helper of a connection. */
#ifndef BEGET__LAUNCHING_H
#define BEGET__LAUNCHING_H

#include "caller/connection.h"

/* With the lock held for writing: launches a helper for a caller in this state, or goes on with the launch that is
 * under way. 0: it is prepared. -EAGAIN: it is not, and wait is false. now may be NULL if a launch is under way. */
int beget__launching_go_on(struct beget__connection *, const struct beget__state *now, bool wait);

/* The helper ended before it reached beget_init. True if another launch should be tried, in another way. */
bool beget__launching_adapt(struct beget__connection *);

#endif
