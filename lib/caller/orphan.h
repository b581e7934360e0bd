/* Handles that the user freed while their process ran. */
#ifndef BEGET__ORPHAN_H
#define BEGET__ORPHAN_H

#include "caller/process.h"

/* Frees a handle: now, or when its process has ended if that has to be reaped or tied to this one until then. */
void beget__orphan_free(struct beget_process *);

/* Reaps those that have ended; never waits. */
void beget__orphan_sweep(void);

#endif
