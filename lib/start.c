/* The door: beget_start checks, chooses the backend, and leaves the thread as it found it.
 * Runs in the caller. */
#include "server.h"
#include "spare.h"
#include "start.h"

#include "sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Asked once in each process: it costs a file. */
static uint64_t started(pid_t self)
{
	static _Atomic uint64_t when;
	static _Atomic pid_t of;

	if (of != self) {
		when = beget__sys_started(self);
		of = self;
	}
	return when;
}

int beget__start_write(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *now,
                       const struct beget__state *born, struct beget__writer *w, struct beget__fds *fds, int *opened)
{
	struct beget__head head = {
		.caller = p->owner,
		.caller_started = started(p->owner),
		.flags = plan->options.flags,
		.name = plan->options.name,
		.tie = p->lent[BEGET__LENT_TIE],
		.control = p->control,
		.helper = p->helper,
	};

	*opened = -1;
	int error = beget__message_put_head(w, &head, fds);
	return error ? beget__fail(-error, "cannot write down the start") : beget__state_put(w, now, born, fds, opened);
}

static int send_call(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *now,
                     const struct beget__state *born)
{
	int numbers[BEGET__WIRE_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__WIRE_FDS - 1};
	struct beget__writer w = {.foreign = plan->program != NULL};
	const struct iovec *iov = NULL;
	int opened;

	int error = beget__start_write(plan, p, now, born, &w, &fds, &opened);
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

int beget__start_send(const struct beget__plan *plan, struct beget_process *p, struct beget__state *now,
                      const struct beget__state *born)
{
	beget__state_wish(now, &plan->wishes);
	beget__server_visit();
	p->control = plan->program ? -1 : beget__server_lend(&p->helper); /* it is of this program */
	int error = send_call(plan, p, now, born);
	beget__server_unvisit();
	return error;
}

/* A spare of the server's, or nothing yet but a handle. */
static int new_process(const struct beget__plan *plan, struct beget_process **ret)
{
	if (plan->options.method == BEGET_FORK || !(*ret = beget__spare_take(plan->server, plan->options.method)))
		return beget__process_new(ret, plan->options.method, plan->what);
	memcpy((*ret)->what, plan->what, sizeof(plan->what));
	return 0;
}

static int start(struct beget__plan *plan, struct beget_process **ret)
{
	static int (*const backends[])(const struct beget__plan *, struct beget_process *) = {
		[BEGET_FORKSERVER] = beget__start_forkserver,
		[BEGET_SPAWN] = beget__start_spawn,
		[BEGET_FORK] = beget__start_fork,
	};
	struct beget_process *p;

	int error = new_process(plan, &p);
	if (error)
		return error;
	p->target = plan->target;
	p->function = plan->call->function;
	p->named = plan->options.name != NULL;
	error = beget__process_expect(p, plan->call);
	if (!error)
		error = beget__wishes_open(plan, p);
	if (!error)
		error = backends[plan->options.method](plan, p);
	if (error) {
		beget__process_abandon(p);
		return error;
	}
	beget__wishes_grant(plan, p);
	beget__trace("started %s", plan->what);
	*ret = p;
	return 0;
}

int beget_start(struct beget_process **ret, const struct beget_options *options, const struct beget_call *call)
{
	struct beget__plan plan;

	if (!ret)
		return beget__fail_plain(EINVAL, "cannot start: there is nowhere to put the handle");
	int cancel = beget__sys_no_cancel();
	int error = beget__plan_make(&plan, options, call);
	if (!error)
		error = start(&plan, ret);
	beget__process_sweep();
	beget__sys_cancel(cancel);
	return error;
}
