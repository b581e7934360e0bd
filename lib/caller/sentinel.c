/* The descriptor that reports the end of a process to the user's event loop: its pidfd. While that is unknown, or if
 * the kernel has none, the hangup of the channel stands for the end. Runs in the caller. */
#include "caller/sentinel.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/poll.h"

#include <errno.h>

/* The helper keeps its copy of the child's end until it has reported the exit. */
static int watch_channel(const struct beget_process *p)
{
	int any = beget__poll_create();
	int error = any < 0 ? any : beget__poll_add_hangup(any, p->channel.fd);

	if (error < 0)
		beget__fd_close(&any);
	return error < 0 ? error : any;
}

int beget__sentinel_get(struct beget_process *p)
{
	if (p->sentinel >= 0)
		return p->sentinel;
	beget__forks_guard();
	int fd = p->pidfd >= 0 ? p->pidfd : p->ended ? beget__poll_always() : watch_channel(p);
	if (fd >= 0)
		p->sentinel = fd;
	beget__forks_unguard();
	return fd < 0 ? beget__fail_errno(-fd, "cannot create a sentinel") : fd;
}

void beget__sentinel_born(struct beget_process *p)
{
	if (p->sentinel >= 0 && p->pidfd >= 0 && !beget__poll_add(p->sentinel, p->pidfd, 0))
		beget__poll_remove(p->sentinel, p->channel.fd);
}
