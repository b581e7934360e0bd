/* What is known of a process. */
#ifndef BEGET__STATUS_H
#define BEGET__STATUS_H

#include "caller/process.h"

/* Updates the handle from the messages that have come and from the kernel. Its lock must be held; never waits. */
void beget__status_update(struct beget_process *);

/* Handles a frame that has come. Its lock and the guard of forks must be held. */
void beget__status_take(struct beget_process *, struct beget__frame *);

/* True if the process is known to have ended, in whatever way. */
bool beget__status_gone(const struct beget_process *);

/* After the end: how long to wait for the status, in ms; 0: no longer. */
int beget__status_linger_ms(const struct beget_process *, int64_t now);

#endif
