/* Descriptors that poll as readable on a condition. Close-on-exec and never 0 to 2; failures are negative errnos. */
#ifndef BEGET__EVENT_H
#define BEGET__EVENT_H

#include <stdint.h>

int beget__event_always(void); /* one that always is */

/* One that is while any of those added is ready. */
int beget__event_any(void);
int beget__event_add(int any, int fd, uint32_t events); /* as for epoll_ctl; 0: only its hangup */
void beget__event_remove(int any, int fd);

#endif
