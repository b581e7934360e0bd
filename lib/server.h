/* The caller's side of the helper. */
#ifndef BEGET__SERVER_H
#define BEGET__SERVER_H

#include "state.h"

/* What is known of the helper between enter and leave. */
struct beget__server_view {
	const struct beget__state *born;     /* what its children have from birth */
	const struct beget__state *launched; /* the caller, when it launched it; NULL: another did */
};

/* A helper that can give a child the wanted state, or any if that is NULL; launched if need be. Until leave it is not
 * replaced; many threads may be in at once. */
int beget__server_enter(const struct beget__state *wanted, struct beget__server_view *ret);
void beget__server_leave(void);

/* Hands the helper a child's end of a channel; only between enter and leave. -EPIPE: the helper is gone, and the next
 * enter launches another. */
int beget__server_start(int channel, pid_t caller, bool tied);

/* From now on, a copy of this process that is no start of ours lets go of the helper. */
void beget__server_watch_forks(void);

/* Enters without launching. */
void beget__server_visit(void);

/* Between enter or visit and leave: the socket of the helper that there is, or -1, and its pid, for a child to use. */
int beget__server_lend(pid_t *helper);

/* In a child: the caller's helper serves this process too, as long as it can give its state. */
void beget__server_adopt(int control, pid_t helper);

#endif
