/* Handles that the user freed while their process was running. */
#ifndef BEGET__ORPHAN_H
#define BEGET__ORPHAN_H

#include "caller/process.h"

/* Frees a handle: at once, or after its process has ended if that must be reaped or is tied to this process. */
void beget__orphan_free(struct beget_process *);

/* Reaps those that have ended; never waits. */
void beget__orphan_sweep(void);

#endif
