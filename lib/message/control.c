/* The control socket of the helper, which a process shares with the processes that it starts. A child adopts it; in the
 * caller, caller/connection.c creates, checks and replaces it under its lock. Runs in caller and child. */
#include "message/control.h"

struct beget__control beget__control_shared = {.fd = -1};

void beget__control_adopt(int fd, pid_t helper)
{
	beget__control_shared = (struct beget__control){
		.fd = fd,
		.identity = beget__fd_identity(fd),
		.helper = helper,
		.adopted = true,
	};
}

void beget__control_drop(void)
{
	struct beget__control *c = &beget__control_shared;

	if (c->fd >= 0 && beget__fd_is(c->fd, &c->identity))
		beget__fd_close(&c->fd);
	c->fd = -1;
}

int beget__control_lend(pid_t *helper)
{
	const struct beget__control *c = &beget__control_shared;

	*helper = c->helper;
	return c->fd >= 0 && !c->gone && beget__fd_is(c->fd, &c->identity) ? c->fd : -1;
}
