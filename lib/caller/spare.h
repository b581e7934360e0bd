/* A server, and the children that it keeps ready ahead of their starts. */
#ifndef BEGET__SPARE_H
#define BEGET__SPARE_H

#include "caller/connection.h"

/* Spares of one kind. */
struct beget__pool {
	unsigned size; /* how many the user wants */
	unsigned n;    /* how many there are, oldest first */
	struct beget_process **spares;
	int64_t not_before; /* after a failure, none is asked for until then */
};

struct beget_server {
	struct beget__connection connection;
	struct beget_server *next; /* of those that keep spares */
	struct beget__pool pools[BEGET__SPARE_KINDS];
};

/* Keeps so many spares of a kind; only before open. */
int beget__spare_keep(struct beget_server *, enum beget__spare, unsigned size);

/* From open until close, beget__spare_refill fills the pools of the server. Close ends the spares that wait. */
void beget__spare_open(struct beget_server *);
void beget__spare_close(struct beget_server *);

/* One that waits for its call, which the taker now owns, or NULL. */
struct beget_process *beget__spare_take(struct beget_server *, enum beget__spare);

unsigned beget__spare_count(const struct beget_server *);

/* Asks helpers for what their pools lack. It does not wait, and no failure reaches the caller. */
void beget__spare_refill(void);

#endif
