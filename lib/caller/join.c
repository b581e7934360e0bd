/* The outcome of a process: beget_join, beget_wait and beget_result_as.
 * Runs in the caller, in any thread. */
#include "caller/await.h"
#include "caller/status.h"
#include "os/fail.h"
#include "os/thread.h"

#include <errno.h>

/* The caller's memory is written only if the process ended well. */
static void collect(struct beget_process *p, struct beget_status *ret)
{
	pthread_mutex_lock(&p->lock);
	if (p->status.outcome == BEGET_EXITED)
		beget__promise_deliver(&p->promise);
	beget__process_settle(p);
	if (ret)
		*ret = p->status;
	pthread_mutex_unlock(&p->lock);
}

static int fail_running(struct beget_process *p)
{
	char name[BEGET__PROCESS_NAME];

	pthread_mutex_lock(&p->lock);
	beget__process_name(p, name);
	pthread_mutex_unlock(&p->lock);
	return beget__fail(ETIMEDOUT, "cannot join %s: it is still running", name);
}

int beget_join(struct beget_process *p, int timeout_ms, struct beget_status *ret)
{
	int error = beget__process_check(p, "join");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	error = beget__await_stage(&p, 1, BEGET__STAGE_ENDED, timeout_ms, cancel);
	if (!error)
		collect(p, ret);
	else if (error == -ETIMEDOUT)
		fail_running(p);
	beget__thread_cancel(cancel);
	return error;
}

static int check_all(struct beget_process *const *ps, size_t n, size_t *handles)
{
	*handles = 0;
	if (!ps && n > 0)
		return beget__fail(EINVAL, "cannot wait: processes is NULL");
	for (size_t i = 0; i < n; i++) {
		int error = ps[i] ? beget__process_check(ps[i], "wait") : 0;
		if (error)
			return error;
		*handles += ps[i] != NULL;
	}
	return *handles ? 0 : beget__fail(EINVAL, "cannot wait: no entry of processes is a handle");
}

int beget_wait(struct beget_process *const *ps, size_t n, int timeout_ms)
{
	size_t handles;
	int error = check_all(ps, n, &handles);

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	int result = beget__await_stage(ps, n, BEGET__STAGE_ENDED, timeout_ms, cancel);
	if (result == -ETIMEDOUT)
		beget__fail(ETIMEDOUT, "none of the %zu processes has ended", handles);
	beget__thread_cancel(cancel);
	return result;
}

int beget_result_as(struct beget_process *p, unsigned type, size_t size, void *ret)
{
	char name[BEGET__PROCESS_NAME];
	int error = beget__process_check(p, "read the result");

	if (error)
		return error;
	if (!ret)
		return beget__fail(EINVAL, "cannot read the result: ret is NULL");
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&p->lock);
	beget__status_update(p);
	error = p->ended ? beget__promise_result(&p->promise, type, size, ret)
	                 : beget__fail(EBUSY, "there is no result yet: %s is still running",
	                               beget__process_name(p, name));
	pthread_mutex_unlock(&p->lock);
	beget__thread_cancel(cancel);
	return error;
}
