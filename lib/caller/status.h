/* What is known of a process. */
#ifndef BEGET__STATUS_H
#define BEGET__STATUS_H

#include "caller/process.h"

/* Brings the handle up to date with what has come and what the kernel knows, its lock held; never waits. */
void beget__status_update(struct beget_process *);

/* It is known now that it has ended, however that was. */
bool beget__status_gone(const struct beget_process *);

/* After its end the status is still awaited: for how long, in ms; 0: no more. */
int beget__status_linger_ms(const struct beget_process *, int64_t now);

#endif
