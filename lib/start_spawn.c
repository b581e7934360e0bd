/* Start by spawn: the program's own image, executed afresh, reads its call from the socket that it was born with. */
#include "image.h"
#include "start.h"

int beget__start_spawn(const struct beget__plan *plan, struct beget_process **ret)
{
	struct beget__state now, born;
	struct beget_process *p;

	int error = beget__process_new(&p, BEGET_SPAWN, plan->what);
	if (error)
		return error;
	/* exec carries all else over by itself */
	beget__state_read(&now, true);
	beget__state_exec(&now, &born);
	error = beget__image_spawn(p->far, &p->pid, &p->pidfd);
	if (!error) {
		p->ours = true;
		beget__process_close_far(p);
		error = beget__start_send(plan, &now, &born, p);
	}
	if (error)
		beget__process_abandon(p);
	else
		*ret = p;
	return error;
}
