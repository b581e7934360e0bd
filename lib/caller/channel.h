/* What arrives on a process's channel. */
#ifndef BEGET__CHANNEL_H
#define BEGET__CHANNEL_H

#include "caller/process.h"

/* Brings the handle up to date, its lock held; never waits. */
void beget__channel_look(struct beget_process *);
/* It is known now that it has ended, however that was. */
bool beget__channel_seen_ended(const struct beget_process *);

#endif
