/* Starts with fork: the child is a copy of the caller and already has the call. It waits for GO, which the caller sends
 * when it holds a pidfd, so that no child can end before its status can be read. Runs in the caller. */
#include "caller/by_fork.h"

#include "call/buffer.h"
#include "caller/handover.h"
#include "caller/plan.h"
#include "caller/process.h"
#include "child/child.h"
#include "message/request.h"
#include "os/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* The child has their files open, as with the other methods. */
static void lend_buffers(const struct beget_call *call)
{
	for (unsigned i = 0; i < call->n; i++) {
		const struct beget_arg *arg = &call->args[i];
		if (arg->type == BEGET_TYPE_BUFFER && beget__value_of(arg).buffer)
			(void)beget__buffer_lend(beget__value_of(arg).buffer);
	}
}

static int open_child(struct beget_process *p, pid_t pid)
{
	p->ours = true;
	p->pid = pid;
	beget__forks_guard();
	int pidfd = beget__proc_pidfd_open(pid);
	p->pidfd = pidfd < 0 ? -1 : pidfd;
	beget__forks_unguard();
	return pidfd < 0 && !beget__proc_refused(pidfd) ? beget__fail_errno(-pidfd, "cannot open a pidfd for the child")
	                                                : 0;
}

static int fork_child(const struct beget__plan *plan, struct beget_process *p, struct beget__inheritance *i)
{
	lend_buffers(plan->call);
	beget__forks_start(&p->forked);
	pid_t pid = beget__proc_fork();
	if (pid == 0) {
		i->channel = p->channel.far;
		beget__child_forked(i);
	}
	beget__forks_start(NULL);
	if (pid < 0)
		return beget__fail_errno(-pid, "cannot fork");
	beget__process_close_far(p);
	if (plan->monitored)
		p->monitor = pid;
	int error = plan->monitored ? 0 : open_child(p, pid);
	if (error)
		return error;
	error = beget__request_send_plain(p->channel.fd, BEGET__GO);
	/* if the child has ended, joining reports it */
	return !error || error == -EPIPE || error == -ECONNRESET
	               ? 0
	               : beget__fail_errno(-error, "cannot send the go-ahead to the child");
}

static int start(const struct beget__plan *plan, struct beget_process *p)
{
	int numbers[16], opened;
	struct beget__inheritance i = {
		.fds = {numbers, 0, sizeof(numbers) / sizeof(*numbers)},
		.call = plan->call,
		.lent = p->lent,
		.lent_n = BEGET__LENT,
		.other_input = plan->wishes.stream[0] != BEGET__AS_IS && plan->wishes.stream[0] != STDIN_FILENO,
	};
	struct beget__writer w = {0};
	struct beget__state now, born;

	/* The child has the caller's state already, so only what the options change is written. */
	beget__state_none(&born);
	now = born;
	beget__state_wish(&now, &plan->wishes);
	int error = beget__handover_write(plan, p, &now, &born, &w, &i.fds, &opened);
	char *flat = error ? NULL : beget__bytes_flatten(&w, &i.reader.size);
	i.reader.base = flat;
	if (!error)
		error = flat ? fork_child(plan, p, &i) : beget__fail_errno(ENOMEM, "cannot write the start request");
	free(flat);
	beget__bytes_free(&w);
	return error;
}

const struct beget__method beget__by_fork = {
	.name = "fork",
	.place = "a copy of this process",
	.shares_addresses = true,
	.needs_one_thread = true,
	.start = start,
};
