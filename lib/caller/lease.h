/* Leases of a connection's helper. */
#ifndef BEGET__LEASE_H
#define BEGET__LEASE_H

#include "caller/connection.h"

/* What is known of the helper between enter and leave. */
struct beget__view {
	const struct beget__state *born;     /* what its children are born with */
	const struct beget__state *launched; /* the state of the caller that launched it; NULL: another process did */
	unsigned generation;
};

/* Enters a helper that can provide the wanted state (NULL: any), and launches one if necessary. It is not replaced
 * before leave; many threads may be in it at once. */
int beget__lease_enter(struct beget__connection *, const struct beget__state *wanted, struct beget__view *ret);
/* The same, but only if a helper is running and no lock has to be waited for. */
bool beget__lease_enter_now(struct beget__connection *, struct beget__view *ret);
void beget__lease_leave(struct beget__connection *);

/* Launches the helper if it does not run, and prepares it as far as that needs no waiting: 0: it is prepared, -EAGAIN:
 * that is under way. The descriptors of the poll are made by watch. */
int beget__lease_prepare(struct beget__connection *);
int beget__lease_watch(struct beget__connection *);

#endif
