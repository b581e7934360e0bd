/* Writes and sends what a child needs before its call: the head, the caller's state as far as the child was not born
 * with it, the target and the arguments. Runs in the caller. */
#include "caller/handover.h"

#include "caller/connection.h"
#include "caller/process.h"
#include "os/proc.h"

#include <errno.h>

/* Read once per process, because it costs reading a file. */
static uint64_t started(pid_t self)
{
	static _Atomic uint64_t when;
	static _Atomic pid_t of;

	if (of != self) {
		when = beget__proc_started(self);
		of = self;
	}
	return when;
}

int beget__handover_write(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *now,
                          const struct beget__state *born, struct beget__writer *w, struct beget__fds *fds, int *opened)
{
	bool spawned = plan->through && plan->options.method == BEGET_SPAWN;
	struct beget__head head = {
		.caller = p->owner,
		.caller_started = started(p->owner),
		.flags = plan->options.flags | (spawned ? BEGET__SPAWNED : 0),
		.limit_ms = plan->options.limit_ms,
		.name = plan->options.name,
		.tie = p->lent[BEGET__LENT_TIE],
		.control = p->control,
		.helper = p->helper,
		.claims = plan->claims,
	};

	*opened = -1;
	int error = beget__order_put_head(w, &head, fds);
	return error ? beget__fail_errno(-error, "cannot write the start request")
	             : beget__state_put(w, now, born, fds, opened);
}

static int send_call(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *now,
                     const struct beget__state *born)
{
	int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__FRAME_FDS - 1};
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;
	int opened;

	int error = beget__handover_write(plan, p, now, born, &w, &fds, &opened);
	if (!error && plan->claims < 0 && (error = beget__order_put_call(&w, &plan->target, plan->call, &fds)))
		beget__fail_errno(-error, "cannot write the arguments");
	int n = error ? error : beget__bytes_finish(&w, &iov);
	if (n >= 0)
		n = beget__channel_send(&p->channel, BEGET__CALL, iov, n, numbers, fds.n);
	if (n < 0 && !error)
		error = beget__fail_errno(-n, "cannot send the arguments");
	beget__bytes_free(&w);
	beget__fd_close(&opened);
	return error;
}

int beget__handover_send(const struct beget__plan *plan, struct beget_process *p, struct beget__state *now,
                         const struct beget__state *born)
{
	beget__state_wish(now, &plan->wishes);
	beget__connection_visit();
	/* The helper is of this program. */
	bool lends = !plan->program && !(plan->options.flags & BEGET_ALONE);
	p->control = lends ? beget__control_lend(&p->helper) : -1;
	int error = send_call(plan, p, now, born);
	beget__connection_unvisit();
	return error;
}
