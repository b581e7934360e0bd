/* beget_start checks a start and runs it with the method of its plan; beget_free frees the handle and does work that
 * need not delay a start. Runs in the caller. */
#include "caller/start.h"

#include "caller/check.h"
#include "caller/orphan.h"
#include "caller/set.h"
#include "caller/spare.h"
#include "caller/stash.h"
#include "caller/wishes.h"
#include "os/thread.h"
#include "os/trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A spare of the server, or a handle whose process does not exist yet. */
static int new_process(const struct beget__plan *plan, struct beget_process **ret)
{
	struct beget_server *s = plan->options.server;

	/* A spare was created without a monitor. */
	if (!s || plan->monitored || !(*ret = beget__spare_take(s, plan->method->spare)))
		return beget__process_new(ret, plan->what);
	memcpy((*ret)->what, plan->what, sizeof(plan->what));
	return 0;
}

static int start(struct beget__plan *plan, struct beget_process **ret)
{
	char name[BEGET__PROCESS_NAME];
	struct beget_process *p;

	int error = new_process(plan, &p);
	if (error)
		return error;
	p->method = plan->method;
	p->function = plan->call->function;
	p->named = plan->options.name != NULL;
	p->limit_ms = plan->options.limit_ms;
	p->tree = plan->options.flags & BEGET_TREE;
	error = beget__target_keep(&plan->target, &p->target);
	if (!error)
		error = beget__promise_make(&p->promise, plan->call);
	if (error)
		beget__fail_errno(-error, "cannot keep the call");
	else
		error = beget__wishes_open(plan, p);
	if (!error)
		error = plan->method->start(plan, p);
	if (error) {
		beget__process_abandon(p);
		return error;
	}
	beget__wishes_grant(plan, p);
	beget__trace("started %s", beget__process_name(p, name));
	*ret = p;
	return 0;
}

/* Ends a start: frees the plan, after success and failure. */
static int run_plan(struct beget__plan *plan, int error, struct beget_process **ret)
{
	if (!error)
		error = start(plan, ret);
	beget__check_free(plan);
	beget__orphan_sweep();
	return error;
}

int beget__start_worker(struct beget_process **ret, const struct beget_options *options, int claims)
{
	struct beget__plan plan;

	return run_plan(&plan, beget__check_worker(&plan, options, claims), ret);
}

int beget_start(struct beget_process **ret, const struct beget_options *options, const struct beget_call *call)
{
	struct beget__plan plan;

	if (!ret)
		return beget__fail(EINVAL, "cannot start: ret is NULL");
	int cancel = beget__thread_no_cancel();
	int error = run_plan(&plan, beget__check_start(&plan, options, call), ret);
	beget__thread_cancel(cancel);
	return error;
}

void beget_free(struct beget_process *p)
{
	if (!p)
		return;
	int cancel = beget__thread_no_cancel();
	beget__set_forget(p);
	beget__stash_close(&p->stash);
	beget__orphan_free(p);
	beget__orphan_sweep();
	beget__spare_refill();
	beget__thread_cancel(cancel);
}
