/* A contender: the library's own pool. */
#include "tasks.h"

#include <beget/pool.h>
#include <errno.h>

static struct beget_pool *pool;

static void pool_open(const struct load *load)
{
	unsigned workers = (unsigned)load->workers;

	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = workers, .min_workers = workers)) < 0)
		bench_die("beget_pool_open", beget_error());
}

static void pool_submit(struct slot *slot)
{
	size_t n = bench_load.size;

	if (beget_pool_submit(pool, NULL, BEGET_TASK_OPTIONS(.data = slot),
	                      BEGET_CALL(bench_task, BEGET_IN((const char *)bench_in, n), n, BEGET_OUT(slot->out, n), n,
	                                 bench_load.us)) < 0)
		bench_die("beget_pool_submit", beget_error());
}

static struct slot *pool_next(int timeout_ms)
{
	struct beget_task *task;
	struct beget_status status;
	int error = beget_pool_next(pool, timeout_ms, &task, &status);

	if (error == -ETIMEDOUT)
		return NULL;
	if (error < 0)
		bench_die("beget_pool_next", beget_error());
	if (status.outcome != BEGET_EXITED || status.code != 0)
		bench_die("beget_pool_next", "a task failed");
	struct slot *slot = beget_task_data(task);
	beget_task_free(task);
	return slot;
}

static void pool_close(void)
{
	beget_pool_free(pool);
}

const struct contender bench_by_pool = {
	.name = "beget pool",
	.workers = WORKERS_MAX,
	.size = SIZE_MAX_ANY,
	.open = pool_open,
	.submit = pool_submit,
	.next = pool_next,
	.close = pool_close,
};
