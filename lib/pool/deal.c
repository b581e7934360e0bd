/* Distributes the tasks of a pool to its workers. Tasks are sent ahead to each worker's own channel, so that workers
 * stay busy while the caller does something else. They are withdrawn from a slow worker when another one is idle.
 * Runs in the caller, under the lock of the pool. */
#include "pool/deal.h"

#include "os/fail.h"

#include <errno.h>

static void list(struct beget_pool *pool, struct beget_task *t)
{
	t->older = pool->newest;
	*(t->older ? &t->older->later : &pool->oldest) = t;
	pool->newest = t;
}

static void unlist(struct beget_pool *pool, struct beget_task *t)
{
	*(t->older ? &t->older->later : &pool->oldest) = t->later;
	*(t->later ? &t->later->older : &pool->newest) = t->older;
}

static void destroy(struct beget_pool *pool, struct beget_task *t)
{
	beget__task_destroy(t);
	pool->references--;
}

void beget__deal_settle(struct beget_pool *pool, struct beget_task *t)
{
	if (t->quiet)
		return;
	beget__task_remove(&pool->done, t);
	unlist(pool, t);
	t->quiet = true;
}

bool beget__deal_forget(struct beget_pool *pool, struct beget_task *t)
{
	if (t->stage == BEGET__DONE) {
		beget__deal_settle(pool, t);
		return true;
	}
	if (!t->quiet)
		unlist(pool, t);
	t->quiet = t->forgotten = true;
	beget__promise_forget(&t->promise);
	return false;
}

void beget__deal_finished(struct beget_pool *pool, struct beget_task *t)
{
	pool->changed = true;
	pool->unfinished--;
	pool->counts.done++;
	pool->counts.failed +=
		t->status.outcome != BEGET_CANCELED && (t->status.outcome != BEGET_EXITED || t->status.code != 0);
	pool->counts.timed_out += t->status.outcome == BEGET_TIMED_OUT;
	pool->counts.canceled += t->status.outcome == BEGET_CANCELED;
	if (t->forgotten)
		destroy(pool, t);
	else if (!t->quiet)
		beget__task_append(&pool->done, t);
}

static void cancel(struct beget_pool *pool, struct beget_task *t)
{
	beget__task_end(t, BEGET_CANCELED, 0, NULL);
	beget__deal_finished(pool, t);
}

bool beget__deal_cancel(struct beget_pool *pool, struct beget_task *t)
{
	if (t->stage == BEGET__WAITING)
		beget__task_remove(&pool->queue, t);
	else if (!beget__worker_withdraw(t->worker, t))
		return false;
	cancel(pool, t);
	return true;
}

/* Withdraws tasks that a worker has not begun, except the first keep. */
static void take_back(struct beget_pool *pool, struct beget__worker *w, size_t keep)
{
	while (w->sent.n > keep) {
		struct beget_task *last = w->sent.last;
		if (!beget__worker_withdraw(w, last))
			break;
		beget__task_prepend(&pool->queue, last);
	}
}

int beget__deal_cancel_all(struct beget_pool *pool)
{
	int n = 0;

	for (size_t i = 0; i < pool->n; i++)
		take_back(pool, pool->workers[i], 0);
	for (struct beget_task *t; (t = pool->queue.first); n++)
		beget__deal_cancel(pool, t);
	return n;
}

void beget__deal_fail_all(struct beget_pool *pool, const struct beget__failure *why)
{
	for (struct beget_task *t; (t = pool->queue.first);) {
		beget__task_remove(&pool->queue, t);
		beget__task_end(t, BEGET_FAILED, why->code, why);
		beget__deal_finished(pool, t);
	}
}

/* Only this task can be hit: the tasks that the worker could begin after it are withdrawn first. */
int beget__deal_kill(struct beget_pool *pool, struct beget_task *t, int signal)
{
	struct beget__worker *w = t->worker;

	if (w)
		take_back(pool, w, 1);
	if (!w || beget__worker_running(w) != t)
		return beget__fail(ESRCH, "cannot signal the task: no worker is running it");
	t->retries = 0;
	return beget_kill(w->kept.process, signal);
}

/* Tasks that workers have finished are for the caller; those that they have not begun are the next to be sent again. */
void beget__deal_take_news(struct beget_pool *pool, struct beget__news *news)
{
	for (struct beget_task *t; (t = news->ended.first);) {
		beget__task_remove(&news->ended, t);
		beget__deal_finished(pool, t);
	}
	for (struct beget_task *t; (t = news->unbegun.last);) {
		beget__task_remove(&news->unbegun, t);
		beget__task_prepend(&pool->queue, t);
		if (pool->solo || pool->dismissed)
			(void)beget__deal_cancel(pool, t);
	}
}

/* The ready worker with the fewest tasks. */
static struct beget__worker *freest(const struct beget_pool *pool)
{
	struct beget__worker *best = NULL;

	for (size_t i = 0; i < pool->n; i++) {
		struct beget__worker *w = pool->workers[i];
		if (beget__worker_ready(w) && w->sent.n < beget__worker_depth(w) && (!best || w->sent.n < best->sent.n))
			best = w;
	}
	return best;
}

void beget__deal_out(struct beget_pool *pool)
{
	struct beget__worker *w;

	while (pool->queue.first && (w = freest(pool))) {
		struct beget_task *t = pool->queue.first;
		beget__task_remove(&pool->queue, t);
		if (beget__worker_send(w, t))
			continue;
		beget__task_prepend(&pool->queue, t);
		return;
	}
}

/* A worker without tasks gets half of the tasks that the busiest worker has not begun. */
void beget__deal_even(struct beget_pool *pool)
{
	struct beget__worker *idle = freest(pool), *most = NULL;

	if (!idle || idle->sent.n > 0 || pool->queue.n > 0)
		return;
	for (size_t i = 0; i < pool->n; i++)
		if (!most || pool->workers[i]->sent.n > most->sent.n)
			most = pool->workers[i];
	take_back(pool, most, (most->sent.n + 1) / 2);
	beget__deal_out(pool);
}

void beget__deal_take(struct beget_pool *pool, struct beget_task *t)
{
	t->pool = pool;
	pool->references++;
	pool->unfinished++;
	pool->counts.submitted++;
	if (!t->quiet)
		list(pool, t);
	beget__task_append(&pool->queue, t);
	beget__deal_out(pool);
}

static void release_tasks(const struct beget__tasks *list)
{
	for (const struct beget_task *t = list->first; t; t = t->next) {
		beget__parcel_release(&t->parcel);
		beget__promise_release(&t->promise);
	}
}

void beget__deal_release(const struct beget_pool *pool)
{
	release_tasks(&pool->queue);
	release_tasks(&pool->done);
	for (size_t i = 0; i < pool->n; i++)
		release_tasks(&pool->workers[i]->sent);
}

struct beget_task *beget__deal_next(const struct beget_pool *pool)
{
	struct beget_task *oldest = pool->oldest;

	if (!(pool->options.flags & BEGET_POOL_IN_ORDER))
		return pool->done.first;
	return oldest && oldest->stage == BEGET__DONE ? oldest : NULL;
}
