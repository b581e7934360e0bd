/* Single workers: each is the only worker of a hidden pool that does not replace it.
 * Runs in the caller, in any thread. */
#include "caller/port.h"
#include "os/fail.h"
#include "pool/crew.h"
#include "pool/open.h"

#include <errno.h>

/* Called when the worker's handle is freed: its running task continues to its end. */
static void free_solo(void *data)
{
	struct beget_pool *pool = data;

	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	beget__open_free(pool);
}

int beget_worker(struct beget_process **ret, const struct beget_options *options, const struct beget_call *prepare)
{
	struct beget_pool_options o = {.workers = 1, .min_workers = 1, .queue = BEGET__OPEN_QUEUE, .boots = 1};
	struct beget_pool *pool = NULL;

	if (!ret)
		return beget__fail(EINVAL, "cannot start a worker: ret is NULL");
	o.start = options;
	o.prepare = prepare;
	o.idle_ms = BEGET__OPEN_IDLE_MS;
	o.flags = options && (options->flags & BEGET_TIED) ? 0 : BEGET_POOL_UNTIED;
	int error = beget__open_pool(&pool, &o, true);
	if (error)
		return error;
	*ret = pool->workers[0]->kept.process;
	beget__port_give(*ret, free_solo);
	return 0;
}

int beget_submit(struct beget_process *worker, struct beget_task **ret, const struct beget_task_options *options,
                 const struct beget_call *call)
{
	int error = beget__process_check(worker, "submit");

	if (error)
		return error;
	struct beget_pool *pool = beget__port_pool(worker);
	if (!pool)
		return beget__fail(EINVAL, "cannot submit: the process is not a worker");
	return beget_pool_submit(pool, ret, options, call);
}
