/* Starts with spawn: a new process executes the program's image and reads its call from a socket that it inherits. A
 * spare is such a process that a helper created earlier. Runs in the caller. */
#include "caller/by_spawn.h"

#include "caller/connection.h"
#include "caller/handover.h"
#include "caller/plan.h"
#include "caller/process.h"
#include "program/launch.h"
#include "state/carry.h"

/* The spare has ended or is not suitable. */
enum { UNFIT = 1 };

/* Constructors of the image have seen the environment of the helper's launch, so it must be the same. */
static int try_spare(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__view helper;
	struct beget__state now, born;

	if (!beget__connection_enter_now(plan->connection, &helper))
		return UNFIT;
	int error = beget__state_read(&now);
	if (!error && (p->generation != helper.generation || !beget__connection_lives(plan->connection) ||
	               !helper.launched || plan->wishes.env || beget__state_beyond(&now, helper.born) ||
	               beget__carry_env_differs(&now, helper.launched)))
		error = UNFIT;
	if (!error) {
		beget__state_exec(helper.born, &born);
		error = beget__handover_send(plan, p, &now, &born);
	}
	beget__connection_leave(plan->connection);
	return !error && p->channel.unread ? UNFIT : error;
}

static int start(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__state now, born;

	if (p->spare) {
		int error = try_spare(plan, p);
		if (error != UNFIT)
			return error;
		error = beget__process_reopen(p);
		if (error)
			return error;
	}
	int error = beget__state_read_for_exec(&now);
	if (error)
		return error;
	beget__state_exec(&now, &born);
	error = beget__launch_spawn(plan->program, p->channel.far, &p->pid, &p->pidfd);
	if (error)
		return error;
	p->ours = true;
	beget__process_close_far(p);
	return beget__handover_send(plan, p, &now, &born);
}

const struct beget__method beget__by_spawn = {
	.name = "spawn",
	.place = "a process that executes",
	.has_server = true,
	.spare = BEGET__FRESH,
	.start = start,
};
