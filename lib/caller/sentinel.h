/* The descriptor that reports the end of a process to the user's event loop. */
#ifndef BEGET__SENTINEL_H
#define BEGET__SENTINEL_H

#include "caller/process.h"

/* It stays the same and valid until the handle is freed. A negative errno with a sentence if there cannot be one. The
 * lock of the handle must be held. */
int beget__sentinel_get(struct beget_process *);

/* Called when the pidfd has become known. */
void beget__sentinel_born(struct beget_process *);

#endif
