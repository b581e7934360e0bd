/* The descriptor that tells the user's event loop of the end of a process. */
#ifndef BEGET__SENTINEL_H
#define BEGET__SENTINEL_H

#include "caller/process.h"

/* It stays the same and valid until the handle is freed. A negative errno, with its sentence, where there can be none.
 * The lock of the handle is held. */
int beget__sentinel_get(struct beget_process *);

/* The pidfd is known now. */
void beget__sentinel_born(struct beget_process *);

#endif
