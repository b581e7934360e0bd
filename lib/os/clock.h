/* Time and deadlines. */
#ifndef BEGET__CLOCK_H
#define BEGET__CLOCK_H

#include <stdint.h>

int64_t beget__clock_now_ms(void);
uint64_t beget__clock_now_ns(void);

/* The time timeout_ms from now (never, if negative), and the time that is left until then, as poll expects it. */
int64_t beget__clock_deadline(int timeout_ms);
int beget__clock_left_ms(int64_t deadline);

void beget__clock_sleep_ms(int);

#endif
