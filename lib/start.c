/* The door: beget_start checks, chooses the backend, and leaves the thread as it found it.
 * Runs in the caller. */
#include "start.h"
#include "sys.h"

#include <errno.h>
#include <unistd.h>

int beget__start_send(const struct beget__plan *plan, const struct beget__state *now, const struct beget__state *born,
                      struct beget_process *p)
{
	int numbers[BEGET__WIRE_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__WIRE_FDS - 1};
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;
	int opened = -1;

	beget__message_put_head(&w, getpid());
	int error = beget__state_put(&w, now, born, &fds, &opened);
	if (!error && (error = beget__message_put_call(&w, &plan->target, plan->call, &fds)))
		beget__fail(-error, "cannot write down the arguments");
	int n = error ? error : beget__writer_finish(&w, &iov);
	if (n >= 0)
		n = beget__wire_send(p->channel, BEGET__CALL, iov, n, numbers, fds.n);
	if (n == -EPIPE || n == -ECONNRESET)
		p->call_unread = true; /* it has ended: joining tells */
	else if (n < 0 && !error)
		error = beget__fail(-n, "cannot send the arguments");
	beget__writer_free(&w);
	beget__sys_close(&opened);
	return error;
}

int beget_start(struct beget_process **ret, const struct beget_options *options, const struct beget_call *call)
{
	static int (*const backends[])(const struct beget__plan *, struct beget_process **) = {
		[BEGET_FORKSERVER] = beget__start_forkserver,
		[BEGET_SPAWN] = beget__start_spawn,
		[BEGET_FORK] = beget__start_fork,
	};
	struct beget__plan plan;
	struct beget_process *process;

	if (!ret)
		return beget__fail_plain(EINVAL, "cannot start: there is nowhere to put the handle");
	int cancel = beget__sys_no_cancel();
	int error = beget__plan_make(&plan, options, call);
	if (!error)
		error = backends[plan.method](&plan, &process);
	if (!error) {
		beget__trace("started %s", plan.what);
		*ret = process;
	}
	beget__process_sweep();
	beget__sys_cancel(cancel);
	return error;
}
