/* Children made ahead of their starts. */
#ifndef BEGET__SPARE_H
#define BEGET__SPARE_H

#include <beget.h>

/* One that waits for its call, or NULL. It belongs to whoever takes it. */
struct beget_process *beget__spare_take(struct beget_server *, enum beget_method);

/* From now on, until close, the server's pools are kept as full as starts need them. */
void beget__spare_open(struct beget_server *);
void beget__spare_close(struct beget_server *);
void beget__spare_forget(void); /* all of them, in a copy of the process */

/* How long spares that no start needs are kept. Tests shorten it. */
extern int beget__spare_review_ms;

/* Asks for what is missing; never waits, and no failure is one of the caller's. */
void beget__spare_refill(void);

/* Lets all go: they end by themselves. */
void beget__spare_discard(struct beget_server *);

#endif
