/* Start by forkserver: the helper gets the child's end of a channel, the child its call over that channel. Nothing is
 * waited for: who was born, and how it ended, comes over the channel too. The caller's state is read while the helper
 * forks; if it turns out that this helper cannot give it, the child hears nothing but the end of its channel, and the
 * start goes to a helper that was born in that state. */
#include "server.h"
#include "start.h"

#include <errno.h>

enum { BEYOND = 1 };

static int read_state(const struct beget__plan *plan, const struct beget__server_view *helper, struct beget__state *now)
{
	if (!(plan->options.flags & BEGET_SERVER_STATE) || !helper->launched)
		return beget__state_read(now);
	*now = *helper->launched;
	beget__state_read_streams(now);
	return 0;
}

static int try(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *wanted,
               struct beget__state *now)
{
	struct beget__server_view helper;

	int error = beget__server_enter(wanted, &helper);
	if (error)
		return error;
	error = beget__server_start(p->far, p->owner, plan->options.flags & BEGET_TIED);
	if (error)
		goto out;
	beget__process_close_far(p);
	error = read_state(plan, &helper, now);
	if (!error && beget__state_beyond(now, helper.born))
		error = BEYOND;
	if (error)
		goto out;
	beget__state_wish(now, &plan->wishes);
	p->control = beget__server_lend(&p->helper);
	error = beget__start_send(plan, p, now, helper.born);
out:
	beget__server_leave();
	return error;
}

int beget__start_forkserver(const struct beget__plan *plan, struct beget_process *p)
{
	enum { TRIES = 6 }; /* a helper can be killed as often as it is launched */
	const struct beget__state *wanted = NULL;
	struct beget__state now;
	int error = beget__process_reserve(p);

	for (int i = 0; i < TRIES && !error; i++) {
		error = try(plan, p, wanted, &now);
		if (error != -EPIPE && error != BEYOND)
			return error;
		if (error == BEYOND)
			wanted = &now;
		error = error == BEYOND ? beget__process_reopen(p) : 0;
	}
	return error ? error : beget__fail_plain(ECONNRESET, "the helper ends as soon as it is launched");
}
