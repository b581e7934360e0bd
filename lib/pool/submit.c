/* Tasks as the user sees them: submitting, waiting, reading, cancelling, freeing.
 * Runs in the caller, in any thread. */
#include "os/fail.h"
#include "os/thread.h"
#include "pool/crew.h"
#include "pool/deal.h"
#include "pool/open.h"
#include "pool/wait.h"

#include <errno.h>

static bool has_room(const struct beget_pool *pool, const void *unused)
{
	(void)unused;
	return pool->unfinished < pool->options.queue || pool->closed || pool->broken.code;
}

static int check_open(const struct beget_pool *pool)
{
	if (pool->closed)
		return beget__fail(ESHUTDOWN, "cannot submit: the pool is closed");
	if (pool->solo && pool->n == 0)
		return beget__fail(ESRCH, "cannot submit: the worker has ended");
	return pool->broken.code ? beget__fail_again(&pool->broken) : 0;
}

static int wait_for_room(struct beget_pool *pool)
{
	if ((pool->options.flags & BEGET_POOL_NO_WAIT) && !has_room(pool, NULL)) {
		beget__wait_look(pool);
		if (!has_room(pool, NULL))
			return beget__fail(EAGAIN, "cannot submit: %u tasks are unfinished", pool->options.queue);
	}
	(void)beget__wait_until(pool, has_room, NULL, BEGET_FOREVER);
	return check_open(pool);
}

int beget_pool_submit(struct beget_pool *pool, struct beget_task **ret, const struct beget_task_options *options,
                      const struct beget_call *call)
{
	struct beget_task *t;
	int cancel;

	int error = beget__wait_enter(pool, "submit", &cancel);
	if (error)
		return error;
	error = wait_for_room(pool);
	if (!error)
		error = beget__task_new(&t, options, pool->start, call, pool->options.limit_ms, &pool->shelf);
	if (!error) {
		t->owned = ret != NULL;
		t->quiet &= t->owned;
		if (ret)
			*ret = t;
		beget__deal_take(pool, t);
		if (pool->queue.n > 0 || pool->n < pool->options.workers)
			beget__wait_look(pool);
	}
	beget__wait_leave(pool, cancel);
	return error;
}

static bool has_next(const struct beget_pool *pool, const void *unused)
{
	(void)unused;
	return beget__deal_next(pool) || !pool->oldest;
}

int beget_pool_next(struct beget_pool *pool, int timeout_ms, struct beget_task **ret, struct beget_status *status)
{
	int cancel;
	int error = ret ? beget__wait_enter(pool, "wait", &cancel) : beget__fail(EINVAL, "cannot wait: ret is NULL");

	if (error)
		return error;
	error = beget__wait_until(pool, has_next, NULL, timeout_ms);
	struct beget_task *t = beget__deal_next(pool);
	if (t) {
		error = 0;
		beget__deal_settle(pool, t);
		*ret = t;
		if (status)
			*status = t->status;
	} else if (error) {
		beget__fail(ETIMEDOUT, "no task has finished");
	} else {
		error = beget__fail(ENOENT, "no task is left");
	}
	beget__wait_leave(pool, cancel);
	return error;
}

static int enter_task(const struct beget_task *t, const char *what, int *cancel)
{
	return t ? beget__wait_enter(t->pool, what, cancel) : beget__fail(EINVAL, "cannot %s: the task is NULL", what);
}

static bool is_done(const struct beget_pool *pool, const void *task)
{
	(void)pool;
	return ((const struct beget_task *)task)->stage == BEGET__DONE;
}

int beget_task_join(struct beget_task *t, int timeout_ms, struct beget_status *status)
{
	int cancel;
	int error = enter_task(t, "join", &cancel);

	if (error)
		return error;
	error = beget__wait_until(t->pool, is_done, t, timeout_ms);
	if (error)
		beget__fail(ETIMEDOUT, "cannot join the task: it has not finished");
	else if (status)
		*status = t->status;
	if (!error)
		beget__deal_settle(t->pool, t);
	beget__wait_leave(t->pool, cancel);
	return error;
}

int beget_task_result_as(struct beget_task *t, unsigned type, size_t size, void *ret)
{
	int cancel;
	int error = ret ? enter_task(t, "read the result", &cancel)
	                : beget__fail(EINVAL, "cannot read the result: ret is NULL");

	if (error)
		return error;
	if (t->stage != BEGET__DONE)
		error = beget__fail(EBUSY, "cannot read the result: the task has not finished");
	else
		error = beget__promise_result(&t->promise, type, size, ret);
	beget__wait_leave(t->pool, cancel);
	return error;
}

int beget_task_cancel(struct beget_task *t)
{
	int cancel;
	int error = enter_task(t, "cancel", &cancel);

	if (error)
		return error;
	if (t->stage == BEGET__DONE)
		error = beget__fail(EALREADY, "cannot cancel the task: it has finished");
	else if (!beget__deal_cancel(t->pool, t))
		error = beget__fail(EBUSY, "cannot cancel the task: it has begun");
	beget__wait_leave(t->pool, cancel);
	return error;
}

int beget_task_kill(struct beget_task *t, int signal)
{
	int cancel;
	int error = enter_task(t, "signal", &cancel);

	if (error)
		return error;
	error = beget__deal_kill(t->pool, t, signal);
	beget__wait_leave(t->pool, cancel);
	return error;
}

int beget_task_describe(const struct beget_task *t, char *text, size_t size)
{
	int cancel;
	int n = text || size == 0 ? enter_task(t, "describe", &cancel)
	                          : beget__fail(EINVAL, "cannot describe: text is NULL");

	if (n)
		return n;
	n = beget__task_describe(t, text, size);
	beget__wait_leave(t->pool, cancel);
	return n;
}

void *beget_task_data(const struct beget_task *t)
{
	return t ? t->data : NULL;
}

void beget_task_free(struct beget_task *t)
{
	int cancel;

	if (!t || enter_task(t, "free", &cancel))
		return;
	struct beget_pool *pool = t->pool;
	if (!beget__deal_forget(pool, t)) {
		beget__wait_leave(pool, cancel);
		return;
	}
	beget__task_destroy(t);
	if (pool->freed) {
		beget__open_drop(pool);
		beget__thread_cancel(cancel);
		return;
	}
	pool->references--;
	beget__wait_leave(pool, cancel);
}
