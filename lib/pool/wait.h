/* Entering a pool, and waiting in it. */
#ifndef BEGET__WAIT_H
#define BEGET__WAIT_H

#include "pool/pool.h"

/* Numbers in the epoll instance; workers have others. */
enum { BEGET__WAIT_BELL, BEGET__WAIT_TIMER };

/* Every function of a pool begins and ends with these two. Between them its lock is held and the thread cannot be
 * canceled. -EINVAL for NULL, -ECHILD in a copy of the process; what is used in the error sentence. */
int beget__wait_enter(struct beget_pool *, const char *what, int *cancel);
void beget__wait_leave(struct beget_pool *, int cancel);

/* Does what is due now. */
void beget__wait_look(struct beget_pool *);

/* Does what is due and sleeps, until enough returns true: 0, or -ETIMEDOUT. */
int beget__wait_until(struct beget_pool *, bool (*enough)(const struct beget_pool *, const void *), const void *,
                      int timeout_ms);

#endif
