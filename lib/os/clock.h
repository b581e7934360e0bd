/* Time and deadlines. */
#ifndef BEGET__CLOCK_H
#define BEGET__CLOCK_H

#include <stdint.h>

int64_t beget__clock_now_ms(void);

/* The moment after timeout_ms, never if that is negative; and what is left until then, as poll wants it. */
int64_t beget__clock_deadline(int timeout_ms);
int beget__clock_left_ms(int64_t deadline);

#endif
