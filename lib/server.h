/* The caller's side of the helper. */
#ifndef BEGET__SERVER_H
#define BEGET__SERVER_H

#include "state.h"

/* The helper that can give a child the state of now; launched if need be. Between enter and leave it is not replaced,
 * and *born is what its children have from birth; many threads may be in at once. */
int beget__server_enter(const struct beget__state *now, const struct beget__state **born);
void beget__server_leave(void);

/* Hands the helper a child's end of a channel; only between enter and leave. -EPIPE: the helper is gone, and the next
 * enter launches another. */
int beget__server_start(int channel);

#endif
