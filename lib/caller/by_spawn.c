/* Starts with spawn: a new process executes the program's image and reads its call from a socket that it inherits. A
 * spare is such a process that a helper created earlier. Runs in the caller. */
#include "caller/by_spawn.h"

#include "caller/by_forkserver.h"
#include "caller/lease.h"
#include "caller/handover.h"
#include "caller/plan.h"
#include "caller/process.h"
#include "os/fd.h"
#include "program/launch.h"
#include "state/carry.h"

#include <unistd.h>

/* The spare has ended or is not suitable. */
enum { UNFIT = 1 };

/* Constructors of the image have seen the environment of the helper's launch, so it must be the same. */
static int try_spare(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__view helper;
	struct beget__state now, born;

	if (!beget__lease_enter_now(plan->connection, &helper))
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
	beget__lease_leave(plan->connection);
	return !error && p->channel.unread ? UNFIT : error;
}

/* Uses a server with one child. The helper, which the launcher executes, is the child's parent and gets the child's
 * status from the kernel, whatever the launcher reports. The child is not the init of a pid namespace, which would not
 * get signals. */
static int start_launched(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__connection inside = {
		.setup =
			{
				.wanted = true,
				.timeout_ms = plan->options.timeout_ms > 0 ? plan->options.timeout_ms : -1,
				.launcher = *plan->through,
			},
	};
	struct beget__plan one = *plan;

	if (plan->program)
		inside.setup.program = *plan->program;
	one.connection = &inside;
	beget__connection_enlist(&inside);
	int error = beget__by_forkserver.start(&one, p);
	beget__connection_retire(&inside);
	return error;
}

/* The pidfd is the monitor's; the child sends its own. */
static void forget_pidfd(struct beget_process *p)
{
	beget__forks_guard();
	beget__fd_close(&p->pidfd);
	beget__forks_unguard();
}

static int start(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__state now, born;

	if (plan->through)
		return start_launched(plan, p);
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
	beget__forks_guard();
	p->words = beget__words_new(&p->lent[BEGET__LENT_WORDS]);
	beget__forks_unguard();
	error = beget__launch_spawn(plan->program, p->lent[BEGET__LENT_WORDS], p->channel.far,
	                            plan->monitored ? &p->monitor : &p->pid, &p->pidfd);
	if (error)
		return error;
	if (p->words) /* the child gets its standard error with its call */
		now.stream[STDERR_FILENO] = beget__fd_open_now(STDERR_FILENO) ? STDERR_FILENO : -1;
	p->ours = !plan->monitored;
	if (plan->monitored)
		forget_pidfd(p);
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
