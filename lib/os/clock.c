/* Time and deadlines.
 * Runs in every process. */
#include "os/clock.h"

#include <time.h>

int64_t beget__clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t beget__clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static const int64_t NEVER = INT64_MAX;

int64_t beget__clock_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? NEVER : beget__clock_now_ms() + timeout_ms;
}

int beget__clock_left_ms(int64_t deadline)
{
	if (deadline == NEVER)
		return -1;
	int64_t left = deadline - beget__clock_now_ms();
	return left > 0 ? (int)left : 0;
}

void beget__clock_sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}
