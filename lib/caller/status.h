/* What is known of a process. */
#ifndef BEGET__STATUS_H
#define BEGET__STATUS_H

#include "caller/process.h"

/* Brings the handle up to date with what has come and what the kernel knows, its lock held; never waits. */
void beget__status_update(struct beget_process *);

/* Takes in a frame that has come; its lock and the guard of forks are held. */
void beget__status_take(struct beget_process *, struct beget__frame *);

/* It is known now that it has ended, however that was. */
bool beget__status_gone(const struct beget_process *);

/* After its end the status is still awaited: for how long, in ms; 0: no more. */
int beget__status_linger_ms(const struct beget_process *, int64_t now);

#endif
