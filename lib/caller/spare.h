/* A server, and the children that it keeps ready before their starts. */
#ifndef BEGET__SPARE_H
#define BEGET__SPARE_H

#include "caller/connection.h"

/* Spares of one kind. */
struct beget__pool {
	unsigned size; /* the number that the user wants */
	unsigned n;    /* the number that exist, oldest first */
	struct beget_process **spares;
	int64_t not_before; /* after a failure: no requests before then */
};

struct beget_server {
	struct beget__connection connection;
	struct beget_server *next; /* in the list of those that keep spares */
	struct beget__pool pools[BEGET__SPARE_KINDS];
};

/* Keeps this number of spares of a kind; only before open. */
int beget__spare_keep(struct beget_server *, enum beget__spare, unsigned size);

/* From open until close, beget__spare_refill fills the server's pools. Close ends the waiting spares. */
void beget__spare_open(struct beget_server *);
void beget__spare_close(struct beget_server *);

/* Takes a spare that waits for its call, or NULL. The caller owns it. */
struct beget_process *beget__spare_take(struct beget_server *, enum beget__spare);

unsigned beget__spare_count(const struct beget_server *);

/* Asks helpers for the spares that are missing. It does not wait, and failures are not reported to the caller. */
void beget__spare_refill(void);

#endif
