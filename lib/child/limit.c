/* The limit of a task: two kernel timers, so that it holds when the caller is busy, stopped or gone. The first runs a
 * handler that reports to the caller why this process is about to die. The second sends SIGKILL a moment later, in case
 * the target blocks or handles the first timer's signal.
 * Runs in the child. */
#include "child/limit.h"

#include "message/report.h"
#include "os/proc.h"
#include "os/signals.h"
#include "os/timer.h"

#include <signal.h>
#include <unistd.h>

enum { GRACE_MS = 50 };

static struct {
	int channel;
	uint32_t task;
	pid_t of; /* the process that owns the timers; 0: none yet */
	int timers[2];
} limit;

/* Async-signal-safe. */
static void expire(int signal)
{
	(void)signal;
	if (getpid() != limit.of)
		return;
	beget__report_send_expired(limit.channel, limit.task);
	beget__proc_signal(limit.of, -1, SIGKILL);
}

static int create(void)
{
	limit.timers[0] = beget__timer_create(SIGRTMAX);
	if (limit.timers[0] < 0)
		return limit.timers[0];
	limit.timers[1] = beget__timer_create(SIGKILL);
	if (limit.timers[1] < 0)
		return limit.timers[1];
	limit.of = getpid();
	return 0;
}

int beget__limit_arm(int channel, uint32_t task, int ms)
{
	int error = limit.of == getpid() ? 0 : create();

	if (error)
		return error;
	limit.channel = channel;
	limit.task = task;
	beget__signals_catch(SIGRTMAX, expire);
	error = beget__timer_set(limit.timers[0], ms);
	return error ? error : beget__timer_set(limit.timers[1], ms + GRACE_MS);
}

void beget__limit_disarm(void)
{
	for (int i = 0; i < 2; i++)
		(void)beget__timer_set(limit.timers[i], 0);
}
