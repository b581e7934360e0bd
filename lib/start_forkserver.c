/* Start by forkserver: the helper gets the child's end of a channel, the child its call over that channel. Nothing is
 * waited for: who was born, and how it ended, comes over the channel too. */
#include "server.h"
#include "start.h"

#include <errno.h>

static int try(const struct beget__plan *plan, const struct beget__state *now, struct beget_process *p)
{
	const struct beget__state *born;

	int error = beget__server_enter(now, &born);
	if (error)
		return error;
	/* The helper first: a call too large for the socket's buffer waits for its reader. */
	error = beget__server_start(p->far);
	beget__process_close_far(p);
	if (!error)
		error = beget__start_send(plan, now, born, p);
	beget__server_leave();
	return error;
}

int beget__start_forkserver(const struct beget__plan *plan, struct beget_process **ret)
{
	enum { TRIES = 4 }; /* a helper can be killed as often as it is launched */
	struct beget__state now;
	int error = -EPIPE;

	beget__state_read(&now, false);
	for (int i = 0; i < TRIES && error == -EPIPE; i++) {
		struct beget_process *p;
		error = beget__process_new(&p, BEGET_FORKSERVER, plan->what);
		if (error)
			return error;
		error = beget__process_reserve(p);
		if (!error)
			error = try(plan, &now, p);
		if (error)
			beget__process_abandon(p);
		else
			*ret = p;
	}
	return error == -EPIPE ? beget__fail_plain(ECONNRESET, "the helper ends as soon as it is launched") : error;
}
