/* An edition: start options and a call, kept as long as a child may have to be started with them. Runs in the
 * caller. */
#include "service/edition.h"

#include "caller/check.h"
#include "caller/forks.h"
#include "keeper/copy.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>

static int keep(const struct beget_service_options *o, const struct beget_options *start, const struct beget_call *call,
                struct beget__edition *e)
{
	e->keeper.first_ms = o->backoff_ms;
	e->keeper.most_ms = o->backoff_max_ms;
	int error = beget__copy_options(start, o->flags & BEGET_SERVICE_UNTIED ? 0 : BEGET_TIED, true, &e->start);
	beget__forks_guard();
	if (!error)
		error = beget__keep_new(call, &e->call);
	beget__forks_unguard();
	return error;
}

/* A call that could not be started is refused before it is kept. */
int beget__edition_new(const struct beget_service_options *o, const struct beget_options *start,
                       const struct beget_call *call, struct beget__edition **ret)
{
	struct beget__plan plan;

	int error = beget__check_start(&plan, start, call);
	beget__check_free(&plan);
	if (error)
		return error;
	struct beget__edition *e = beget__mem_alloc(sizeof(*e));
	if (!e)
		return beget__fail_errno(ENOMEM, "cannot copy the call of the children");
	error = keep(o, start, call, e);
	if (error) {
		beget__edition_free(e);
		return error;
	}
	*ret = e;
	return 0;
}

void beget__edition_free(struct beget__edition *e)
{
	beget__forks_guard();
	beget__keep_free(e->call);
	beget__forks_unguard();
	free(e->start);
	free(e);
}

void beget__edition_release(const struct beget__edition *e)
{
	beget__keep_release(e->call);
}
