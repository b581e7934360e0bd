/* Start by forkserver: the helper gets the child's end of a channel, the child its call over that channel. Nothing is
 * waited for: who was born, and how it ended, comes over the channel too. */
#include "server.h"
#include "start.h"

#include <errno.h>

static int try(const struct beget__plan *plan, struct beget_process *p, struct beget__state *now)
{
	const struct beget__state *born;

	int error = beget__server_enter(now, plan->options.flags & BEGET_SERVER_STATE, &born);
	if (error)
		return error;
	beget__state_wish(now, &plan->wishes);
	/* The helper first: a call too large for the socket's buffer waits for its reader. */
	error = beget__server_start(p->far, p->owner, plan->options.flags & BEGET_TIED);
	if (!error) {
		beget__process_close_far(p);
		p->control = beget__server_lend(&p->helper);
		error = beget__start_send(plan, p, now, born);
	}
	beget__server_leave();
	return error;
}

int beget__start_forkserver(const struct beget__plan *plan, struct beget_process *p)
{
	enum { TRIES = 4 }; /* a helper can be killed as often as it is launched */
	int error = beget__process_reserve(p);

	for (int i = 0; i < TRIES && !error; i++) {
		struct beget__state now;
		if (!(plan->options.flags & BEGET_SERVER_STATE))
			error = beget__state_read(&now);
		if (!error)
			error = try(plan, p, &now);
		if (error != -EPIPE)
			return error;
		error = 0;
	}
	return error ? error : beget__fail_plain(ECONNRESET, "the helper ends as soon as it is launched");
}
