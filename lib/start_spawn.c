/* Start by spawn: the program's own image, executed afresh, reads its call from the socket that it was born with. */
#include "image.h"
#include "server.h"
#include "start.h"

int beget__start_spawn(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__state now, born;

	beget__state_read_for_exec(&now);
	beget__state_exec(&now, &born);
	beget__state_wish(&now, &plan->wishes);
	int error = beget__image_spawn(p->far, &p->pid, &p->pidfd);
	if (error)
		return error;
	p->ours = true;
	beget__process_close_far(p);
	beget__server_visit();
	p->control = beget__server_lend(&p->helper);
	error = beget__start_send(plan, p, &now, &born);
	beget__server_leave();
	return error;
}
