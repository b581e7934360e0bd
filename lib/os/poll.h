/* Descriptors that poll as readable on a condition. They are close-on-exec and never 0 to 2; failures are negative
 * errnos. */
#ifndef BEGET__POLL_H
#define BEGET__POLL_H

#include <stdint.h>

/* An epoll instance. Each descriptor is added with a number, which is returned when it is readable or closed. */
int beget__poll_create(void);
int beget__poll_add(int poll, int fd, uint64_t number);
int beget__poll_add_once(int poll, int fd, uint64_t number); /* is returned once, then can be added again */
int beget__poll_add_hangup(int poll, int fd);                /* ready only when the other end is closed; number 0 */
int beget__poll_add_shut(int poll, int fd);                  /* ready when the other end sends no more; number 0 */
void beget__poll_remove(int poll, int fd);

/* Gets the numbers of up to most ready descriptors. Returns their count: 0 after wait_ms or after an interruption. */
int beget__poll_wait(int poll, uint64_t *numbers, int most, int wait_ms);

int beget__poll_always(void); /* always readable */

/* A descriptor that is readable between a call of ring and the next call of silence. */
int beget__poll_bell(void);
void beget__poll_ring(int bell);
void beget__poll_silence(int bell);

/* A descriptor that becomes readable at a time on the clock of os/clock.h; INT64_MAX: never. */
int beget__poll_timer(void);
void beget__poll_timer_set(int timer, int64_t at_ms);

#endif
