/* What became of a process. The sources in order: waitid for a child of ours; the pidfd's exit record, which outlives
 * the reaping; the helper's word; a zombie's exit code in /proc. If all are silent it is lost: a status is never
 * invented, and never taken from the child's own word. Runs in the caller; knows no handle. */
#include "caller/fate.h"

#include "os/fd.h"
#include "os/proc.h"

#include <errno.h>
#include <string.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct beget__sources beget__fate_sources = {beget__proc_wait, beget__proc_pidfd_exit, beget__proc_zombie_exit};

static int64_t microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void from_waitid(const siginfo_t *info, const struct rusage *usage, struct beget__exit *ret)
{
	int core = info->si_code == CLD_DUMPED ? 0x80 : 0;

	ret->wait_status = info->si_code == CLD_EXITED ? (info->si_status & 0xff) << 8 : info->si_status | core;
	ret->user_us = microseconds(&usage->ru_utime);
	ret->system_us = microseconds(&usage->ru_stime);
	ret->peak_kib = usage->ru_maxrss;
}

/* 1: told; 0: it runs; else it is no child of ours. Only our own are looked for by pid: another's may be reused. */
static int wait_for(const struct beget__evidence *e, struct beget__exit *ret)
{
	siginfo_t info;
	struct rusage usage;
	int error = -EINVAL;

	memset(&usage, 0, sizeof(usage));
	if (e->pidfd >= 0)
		error = beget__fate_sources.waitid(P_PIDFD, (id_t)e->pidfd, &info, WEXITED | WNOHANG, &usage);
	if (error && error != -ECHILD && e->ours)
		error = beget__fate_sources.waitid(P_PID, (id_t)e->pid, &info, WEXITED | WNOHANG, &usage);
	if (error || info.si_pid == 0)
		return error;
	from_waitid(&info, &usage, ret);
	return 1;
}

/* Somebody else who reaps a child takes it first and leaves its record a moment later: that is waited for. */
static int recorded_exit(const struct beget__evidence *e, bool reaped, int *wait_status)
{
	enum { TRIES = 200 };
	int answer = -ENODATA;

	if (e->pidfd < 0)
		return answer;
	for (int i = 0; i < TRIES; i++) {
		answer = beget__fate_sources.pidfd_exit(e->pidfd, wait_status);
		if (answer != -EAGAIN || !reaped)
			break;
		beget__fd_poll(NULL, 0, 1);
	}
	return answer;
}

int beget__fate_find(const struct beget__evidence *e, struct beget__exit *ret)
{
	struct beget__exit found = {0};
	bool ended = e->ended;

	if (e->ours) {
		int answer = wait_for(e, &found);
		if (answer == 1)
			goto told;
		if (answer == 0)
			return -EAGAIN;
		ended = true; /* somebody else has reaped it */
	}
	if (!ended && !e->word)
		return -EAGAIN;
	/* A host that is process 1 or a subreaper inherits the children of a helper that died. */
	if (!e->ours && !e->word && e->pidfd >= 0 && wait_for(e, &found) == 1)
		goto told;
	int recorded = recorded_exit(e, e->ours, &found.wait_status);
	if (recorded == 0) {
		/* The record has no times, and no core flag if it was another thread than the first that dumped. */
		if (e->word) {
			int status = found.wait_status;
			found = *e->word;
			if ((found.wait_status & ~0x80) != status)
				found.wait_status = status;
		}
		goto told;
	}
	if (e->word) {
		found = *e->word;
		goto told;
	}
	if (!e->ours && e->patient)
		return -EAGAIN;
	if (!e->ours && beget__fate_sources.zombie_exit(e->pid, &found.wait_status) == 0)
		goto told;
	if (!e->ours && recorded == -EAGAIN && recorded_exit(e, true, &found.wait_status) == 0) /* reaped in between */
		goto told;
	return -ENODATA;
told:
	*ret = found;
	return 0;
}

void beget__fate_fill(const struct beget__exit *e, struct beget_status *ret)
{
	int status = e->wait_status;

	memset(ret, 0, sizeof(*ret));
	if (WIFSIGNALED(status)) {
		ret->outcome = BEGET_SIGNALED;
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
