/* Timers directly from the kernel: glibc starts a thread for some of its timers.
 * Runs in the child. */
#include "os/timer.h"

#include "os/fault.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int beget__timer_create(int signal)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
	int timer;

	FAULT("timer_create", -fault);
	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0 ? -errno : timer;
}

int beget__timer_set(int timer, int ms)
{
	struct itimerspec when = {.it_value = {ms / 1000, (long)(ms % 1000) * 1000000}};

	FAULT("timer_settime", -fault);
	return syscall(SYS_timer_settime, timer, 0, &when, NULL) < 0 ? -errno : 0;
}
