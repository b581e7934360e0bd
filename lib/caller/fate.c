/* Finds out how a process ended, from a table of sources that are asked in order. If none knows, the process is lost: a
 * status is never invented and never taken from the child's own claim. Runs in the caller; knows no handle. */
#include "caller/fate.h"

#include "os/proc.h"

#include <errno.h>
#include <string.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct beget__sources beget__fate_sources = {beget__proc_wait, beget__proc_pidfd_exit, beget__proc_zombie_exit};

/* The sources. Each returns 0 with *ret, -ENODATA (ask the next one) or -EAGAIN (it is too early to ask further). */

static int still_runs(const struct beget__evidence *e, struct beget__exit *ret)
{
	(void)ret;
	return e->ours || e->ended || e->report ? -ENODATA : -EAGAIN;
}

/* Waits for our own children and, as process 1 or a subreaper, for those of a helper that died. Only our own are found
 * by pid: another process's pid may have been reused. */
static int waited_for(const struct beget__evidence *e, struct beget__exit *ret)
{
	siginfo_t info;
	struct rusage usage;
	int error = -EINVAL;

	if (!e->ours && (e->report || e->pidfd < 0))
		return -ENODATA;
	memset(&usage, 0, sizeof(usage));
	if (e->pidfd >= 0)
		error = beget__fate_sources.waitid(P_PIDFD, (id_t)e->pidfd, &info, WEXITED | WNOHANG, &usage);
	if (error && error != -ECHILD && e->ours)
		error = beget__fate_sources.waitid(P_PID, (id_t)e->pid, &info, WEXITED | WNOHANG, &usage);
	if (error) /* another has reaped it */
		return -ENODATA;
	if (info.si_pid == 0)
		return e->ours ? -EAGAIN : -ENODATA;
	*ret = beget__report_make_exit(&info, &usage);
	return 0;
}

/* The pidfd's record outlives the reaping. It has no times, and no core flag if a thread other than the first dumped
 * core. */
static int recorded(const struct beget__evidence *e, struct beget__exit *ret)
{
	int status;
	int error = e->pidfd < 0 ? -ENODATA : beget__fate_sources.pidfd_exit(e->pidfd, &status);

	if (error)
		return error == -EAGAIN && e->ours && e->record_due ? -EAGAIN : -ENODATA;
	if (e->report)
		*ret = *e->report;
	if ((ret->wait_status & ~0x80) != status)
		ret->wait_status = status;
	return 0;
}

static int reported(const struct beget__evidence *e, struct beget__exit *ret)
{
	if (!e->report)
		return -ENODATA;
	*ret = *e->report;
	return 0;
}

static int report_due(const struct beget__evidence *e, struct beget__exit *ret)
{
	(void)ret;
	return !e->ours && e->report_due ? -EAGAIN : -ENODATA;
}

static int zombie(const struct beget__evidence *e, struct beget__exit *ret)
{
	return e->ours || beget__fate_sources.zombie_exit(e->pid, &ret->wait_status) ? -ENODATA : 0;
}

/* The process was reaped after the first question for its record: reaping removes the zombie first, and the record
 * appears a moment later. */
static int recorded_late(const struct beget__evidence *e, struct beget__exit *ret)
{
	int error = e->ours || e->pidfd < 0 ? -ENODATA : beget__fate_sources.pidfd_exit(e->pidfd, &ret->wait_status);

	return error == -EAGAIN && e->record_due ? -EAGAIN : error ? -ENODATA : 0;
}

static int (*const sources[])(const struct beget__evidence *, struct beget__exit *) = {
	still_runs, waited_for, recorded, reported, report_due, zombie, recorded_late,
};

int beget__fate_find(const struct beget__evidence *e, struct beget__exit *ret)
{
	int answer = -ENODATA;

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && answer == -ENODATA; i++) {
		struct beget__exit found = {0};
		answer = sources[i](e, &found);
		if (answer == 0)
			*ret = found;
	}
	return answer;
}

void beget__fate_fill(const struct beget__exit *e, struct beget_status *ret)
{
	int status = e->wait_status;

	memset(ret, 0, sizeof(*ret));
	if (WIFSIGNALED(status)) {
		ret->outcome = e->timed_out && WTERMSIG(status) == SIGKILL ? BEGET_TIMED_OUT : BEGET_SIGNALED;
		ret->code = WTERMSIG(status);
		ret->core_dumped = WCOREDUMP(status);
	} else {
		ret->outcome = BEGET_EXITED;
		ret->code = WEXITSTATUS(status);
	}
	ret->user_us = e->user_us;
	ret->system_us = e->system_us;
	ret->peak_kib = e->peak_kib;
}
