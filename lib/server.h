/* The caller's side of the helper. */
#ifndef BEGET__SERVER_H
#define BEGET__SERVER_H

#include "state.h"

/* The helper that can give a child the state of now; launched if need be. Between enter and leave it is not replaced, and
 * *born is what its children have from birth; many threads may be in at once. With its_state, *now is set: to what the
 * caller was when the helper was launched, but for the standard streams. */
int beget__server_enter(struct beget__state *now, bool its_state, const struct beget__state **born);
void beget__server_leave(void);

/* Hands the helper a child's end of a channel; only between enter and leave. -EPIPE: the helper is gone, and the next
 * enter launches another. */
int beget__server_start(int channel, pid_t caller, bool tied);

/* Enters without launching. */
void beget__server_visit(void);

/* Between enter or visit and leave: the socket of the helper that there is, or -1, and its pid, for a child to use. */
int beget__server_lend(pid_t *helper);

/* In a child: the caller's helper serves this process too, as long as it can give its state. */
void beget__server_adopt(int control, pid_t helper);

#endif
