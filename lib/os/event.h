/* Descriptors that poll as readable on a condition. They are close-on-exec and never 0 to 2. Failures are negative
 * errnos. */
#ifndef BEGET__EVENT_H
#define BEGET__EVENT_H

#include <stdint.h>

int beget__event_always(void); /* always readable */

/* Readable while any of the added descriptors is ready. */
int beget__event_any(void);
int beget__event_add(int any, int fd, uint32_t events); /* as for epoll_ctl; 0: only a hangup counts */
void beget__event_remove(int any, int fd);

#endif
