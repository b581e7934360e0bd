/* Start by fork: the child is a copy of the caller and has the call already. It waits for the caller's word, which
 * comes when the caller holds a pidfd: so no child can end before its status can be had. */
#include "child.h"
#include "start.h"
#include "sys.h"

#include <errno.h>
#include <unistd.h>

static bool no_pidfds(int error)
{
	return error == -ENOSYS || error == -EPERM || error == -EINVAL;
}

int beget__start_fork(const struct beget__plan *plan, struct beget_process **ret)
{
	struct beget_process *p;
	pid_t caller = getpid();
	int threads;

	if (!(plan->flags & BEGET_UNSAFE_FORK) && (threads = beget__sys_threads()) > 1)
		return beget__fail_plain(EDEADLK,
		                         "cannot fork: %d threads run, and a copy would wait for their locks for ever "
		                         "(BEGET_UNSAFE_FORK forks all the same)",
		                         threads);
	int error = beget__process_new(&p, BEGET_FORK, plan->what);
	if (error)
		return error;
	beget__process_fork_keep(p);
	pid_t pid = beget__sys_fork();
	if (pid == 0)
		beget__child_forked(beget__process_forked(), caller, plan->call);
	beget__process_fork_keep(NULL);
	if (pid < 0) {
		beget__process_abandon(p);
		return beget__fail(-pid, "cannot fork");
	}
	p->ours = true;
	p->pid = pid;
	beget__process_close_far(p);
	beget__process_guard();
	p->pidfd = beget__sys_pidfd_open(pid);
	beget__process_unguard();
	if (p->pidfd < 0) {
		error = p->pidfd;
		p->pidfd = -1;
		if (!no_pidfds(error)) {
			beget__process_abandon(p);
			return beget__fail(-error, "cannot open the child");
		}
	}
	beget__message_send_plain(p->channel, BEGET__GO);
	*ret = p;
	return 0;
}
