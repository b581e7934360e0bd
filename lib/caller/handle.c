/* Operations on a handle other than joining: the pid, the sentinel and signals.
 * Runs in the caller, in any thread. */
#include "caller/await.h"
#include "caller/sentinel.h"
#include "caller/status.h"
#include "os/fail.h"
#include "os/proc.h"
#include "os/thread.h"

#include <errno.h>

/* The pid of a helper's child is known when its birth has been reported. */
static void await_birth(const struct beget_process *p, int timeout_ms)
{
	struct beget_process *changing = (struct beget_process *)p;

	(void)beget__await_stage(&changing, 1, BEGET__STAGE_BORN, timeout_ms, PTHREAD_CANCEL_DISABLE);
}

pid_t beget_pid(const struct beget_process *p)
{
	int error = beget__process_check(p, "read the pid");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p, -1); /* after that it does not change */
	beget__thread_cancel(cancel);
	return p->pid > 0 ? p->pid : beget__fail(ESRCH, "the process was never created: %s", p->reports.failure.text);
}

int beget_sentinel(const struct beget_process *p)
{
	enum { BIRTH_MS = 50 }; /* a stopped helper must not block the caller */
	struct beget_process *changing = (struct beget_process *)p;
	int error = beget__process_check(p, "get a sentinel");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p, BIRTH_MS);
	pthread_mutex_lock(&changing->lock);
	int fd = beget__sentinel_get(changing);
	pthread_mutex_unlock(&changing->lock);
	beget__thread_cancel(cancel);
	return fd;
}

static int send_signal(struct beget_process *p, int signal)
{
	char name[BEGET__PROCESS_NAME];

	beget__status_update(p);
	if (p->ended || beget__status_gone(p))
		return beget__fail(ESRCH, "cannot signal %s: it has ended", beget__process_name(p, name));
	int error = beget__proc_signal(p->pid, p->pidfd, signal);
	return error ? beget__fail_errno(-error, "cannot send signal %d to %s", signal, beget__process_name(p, name))
	             : 0;
}

static bool is_blind(struct beget_process *p)
{
	pthread_mutex_lock(&p->lock);
	bool blind = p->pidfd < 0;
	pthread_mutex_unlock(&p->lock);
	return blind;
}

int beget_kill(struct beget_process *p, int signal)
{
	int error = beget__process_check(p, "signal");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p, -1);
	if (is_blind(p)) /* if the end has been announced, wait for it, because the pid may be reused soon */
		(void)beget__await_stage(&p, 1, BEGET__STAGE_ENDED, 0, PTHREAD_CANCEL_DISABLE);
	pthread_mutex_lock(&p->lock);
	error = send_signal(p, signal);
	pthread_mutex_unlock(&p->lock);
	beget__thread_cancel(cancel);
	return error;
}
