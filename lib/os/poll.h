/* Many descriptors behind one. What is made here is close-on-exec; failures are negative errnos. */
#ifndef BEGET__POLL_H
#define BEGET__POLL_H

#include <stdint.h>

/* An epoll instance; its descriptors, each with a number that comes back when it is readable or closed. */
int beget__poll_create(void);
int beget__poll_add(int poll, int fd, uint64_t number);
void beget__poll_remove(int poll, int fd);

/* Up to most numbers of those that are ready; how many, 0 after wait_ms, or where it was interrupted. */
int beget__poll_wait(int poll, uint64_t *numbers, int most, int wait_ms);

/* A descriptor that is readable from ring to silence. */
int beget__poll_bell(void);
void beget__poll_ring(int bell);
void beget__poll_silence(int bell);

/* A descriptor that becomes readable at that time on the clock of os/clock.h; INT64_MAX: never. */
int beget__poll_timer(void);
void beget__poll_timer_set(int timer, int64_t at_ms);

#endif
