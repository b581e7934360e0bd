/* Entering a pool, and waiting in it. */
#ifndef BEGET__WAIT_H
#define BEGET__WAIT_H

#include "pool/pool.h"

/* The number of the timer in the epoll instance; no worker has it. The bell is 0. */
enum { BEGET__WAIT_BELL, BEGET__WAIT_TIMER };

/* Every function of a pool begins and ends with these: between them its lock is held and the thread cannot be canceled.
 * -EINVAL for NULL, -ECHILD in a copy of the process; what goes into the sentence. */
int beget__wait_enter(struct beget_pool *, const char *what, int *cancel);
void beget__wait_leave(struct beget_pool *, int cancel);

/* Does what is due now. */
void beget__wait_look(struct beget_pool *);

/* Does what is due, and sleeps, until there is enough: 0, or -ETIMEDOUT. */
int beget__wait_until(struct beget_pool *, bool (*enough)(const struct beget_pool *, const void *), const void *,
                      int timeout_ms);

#endif
