/* The workers of a pool: started, watched, replaced, ended.
 * Runs in the caller, under the lock of the pool. */
#include "pool/crew.h"

#include "caller/port.h"
#include "os/clock.h"
#include "os/mem.h"
#include "os/proc.h"
#include "pool/deal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* GRACE_MS: how long after its limit a task is killed by the caller if the worker's own timer has not ended it.
 * MEMORY_TASKS: after how many tasks the memory of a worker is read again. LOOK_AGAIN_MS: when to check again what is
 * already due. */
enum { GRACE_MS = 100, MEMORY_TASKS = 64, LOOK_AGAIN_MS = 5 };

/* Workers. */

static struct beget__worker *find(const struct beget_pool *pool, uint64_t id)
{
	for (size_t i = 0; i < pool->n; i++)
		if (pool->workers[i]->kept.id == id)
			return pool->workers[i];
	return NULL;
}

static bool make_room(struct beget_pool *pool)
{
	if (pool->n < pool->room)
		return true;
	size_t room = pool->room ? 2 * pool->room : 8;
	struct beget__worker **more = beget__mem_alloc(room * sizeof(*more));
	if (!more)
		return false;
	if (pool->n)
		memcpy(more, pool->workers, pool->n * sizeof(*more));
	free(pool->workers);
	pool->workers = more;
	pool->room = room;
	return true;
}

static int start(struct beget_pool *pool)
{
	struct beget__parcel *prepare = pool->options.prepare ? &pool->prepare : NULL;
	struct beget__worker *w;

	if (!make_room(pool))
		return beget__fail_errno(ENOMEM, "cannot start a worker");
	int error = beget__worker_start(&w, pool, pool->bell, pool->start, prepare);
	if (error)
		return error;
	w->kept.id = ++pool->last_id;
	w->most_done = (unsigned)beget__keeper_jitter(pool->options.tasks_per_worker);
	error = beget__kept_watch(&w->kept, pool->epoll);
	if (error) {
		beget__worker_free(w, true);
		return beget__fail_errno(-error, "cannot watch a worker");
	}
	pool->workers[pool->n++] = w;
	pool->counts.started++;
	return 0;
}

/* True if the worker must be replaced, because of its number of tasks, its age or its memory. */
static bool is_old(const struct beget__worker *w, int64_t now)
{
	return (w->most_done && w->done >= w->most_done) || w->done >= UINT32_MAX / 2 || w->heavy ||
	       (w->replace_at && now >= w->replace_at);
}

/* Removes a worker that has ended: its place is free, and tasks that it has not begun go to other workers. */
static void bury(struct beget_pool *pool, size_t i, int64_t now)
{
	struct beget__worker *w = pool->workers[i];

	if (w->failure.code) {
		pool->last_failure = w->failure;
		beget__keeper_failed(&pool->keeper, now);
	}
	pool->counts.crashed += !w->retiring && !w->failure.code;
	pool->counts.recycled += w->retiring && !w->killed && !pool->closed;
	pool->workers[i] = pool->workers[--pool->n];
	beget__worker_free(w, !pool->solo);
	if (pool->solo)
		(void)beget__deal_cancel_all(pool);
}

/* Finds out how workers have ended. That may not be known yet: the helper may report it a moment later. */
static void look_at_ends(struct beget_pool *pool, int64_t now)
{
	for (size_t i = pool->n; i-- > 0;) {
		struct beget__worker *w = pool->workers[i];
		struct beget__news news = {0};
		w->kept.stirred |= pool->solo && beget__port_ended(w->kept.process); /* the user may have joined it */
		bool ended = w->kept.stirred && beget__worker_ended(w, &news);
		beget__deal_take_news(pool, &news);
		if (ended)
			bury(pool, i, now);
	}
}

/* As many workers as there are tasks, within the user's bounds. */
static size_t wanted(const struct beget_pool *pool)
{
	size_t n = pool->unfinished < pool->options.workers ? pool->unfinished : pool->options.workers;

	return n > pool->options.min_workers ? n : pool->options.min_workers;
}

struct tally {
	size_t ready, live;           /* live: ready or starting, and not to be replaced */
	struct beget__worker *old;    /* to be replaced */
	struct beget__worker *idle;   /* for too long */
	struct beget__worker *freest; /* has the fewest tasks */
};

static struct tally count(const struct beget_pool *pool, int64_t now)
{
	struct tally t = {0};

	for (size_t i = 0; i < pool->n; i++) {
		struct beget__worker *w = pool->workers[i];
		if (w->retiring) {
			t.live += w->failure.code != 0; /* it counts as failed when it has ended */
			continue;
		}
		if (!is_old(w, now))
			t.live++;
		else if (!t.old || w->kept.id < t.old->kept.id)
			t.old = w;
		if (!beget__worker_ready(w))
			continue;
		t.ready++;
		if (w != t.old && (!t.freest || w->sent.n < t.freest->sent.n))
			t.freest = w;
		if (w->sent.n == 0 && now - w->head_since >= pool->options.idle_ms)
			t.idle = w;
	}
	return t;
}

/* A worker's lifetime begins when it is ready, or a slow one would have to be replaced at once. */
static void begin_lifetimes(struct beget_pool *pool, int64_t now)
{
	for (size_t i = 0; pool->options.lifetime_ms && i < pool->n; i++)
		if (!pool->workers[i]->replace_at && beget__worker_ready(pool->workers[i]))
			pool->workers[i]->replace_at = now + beget__keeper_jitter(pool->options.lifetime_ms);
}

static void fail_to_start(struct beget_pool *pool, const struct beget__failure *why, int64_t now)
{
	pool->last_failure = *why;
	beget__keeper_failed(&pool->keeper, now);
}

/* An old worker goes when its replacement is ready, any when fewer are allowed, an idle one when it is not needed. */
static struct beget__worker *surplus(const struct beget_pool *pool, const struct tally *t)
{
	size_t most = wanted(pool);

	if (t->ready > most && t->old)
		return t->old;
	if (t->live > pool->options.workers && t->freest)
		return t->freest;
	return t->live > most ? t->idle : NULL;
}

/* Starts what is wanted and retires what is not. */
static void adjust(struct beget_pool *pool, int64_t now)
{
	struct beget__worker *w;

	begin_lifetimes(pool, now);
	struct tally t = count(pool, now);
	if (pool->solo || pool->dismissed || (pool->closed && pool->unfinished == 0))
		return;
	while (t.live < wanted(pool) && pool->n <= pool->options.workers &&
	       beget__keeper_may_start(&pool->keeper, now)) {
		if (start(pool) == 0)
			t.live++;
		else
			fail_to_start(pool, beget__fail_last(), now);
	}
	for (; (w = surplus(pool, &t)); t = count(pool, now))
		beget__worker_retire(w);
}

/* After this many consecutive failed starts, every waiting task fails with the reason, and no more workers are
 * started. */
static void give_up(struct beget_pool *pool)
{
	if (pool->n > 0 || pool->solo || pool->keeper.failures < pool->options.boots)
		return;
	pool->broken = pool->last_failure;
	beget__deal_fail_all(pool, &pool->broken);
}

/* Kills a task that its worker's own timer has not ended, for example because its target has executed another
 * program. */
static void enforce_limits(struct beget_pool *pool, int64_t now)
{
	for (size_t i = 0; i < pool->n; i++) {
		struct beget__worker *w = pool->workers[i];
		struct beget_task *t = beget__worker_running(w);
		if (!t || !t->limit_ms || w->killed || now < w->head_since + t->limit_ms + GRACE_MS)
			continue;
		t->expired = true;
		beget__worker_kill(w);
	}
}

int64_t beget__crew_due(const struct beget_pool *pool)
{
	int64_t due = INT64_MAX, soon = beget__clock_now_ms() + LOOK_AGAIN_MS;

	if (pool->keeper.failures > 0 && pool->n < wanted(pool))
		due = pool->keeper.not_before;
	for (size_t i = 0; i < pool->n; i++) {
		const struct beget__worker *w = pool->workers[i];
		const struct beget_task *first = w->sent.first;
		int64_t at = w->replace_at ? w->replace_at : INT64_MAX;
		if (w->kept.stirred)
			at = soon;
		else if (first && first->limit_ms)
			at = w->head_since + first->limit_ms + GRACE_MS;
		else if (!first && pool->n > pool->options.min_workers && !pool->solo)
			at = w->head_since + pool->options.idle_ms;
		due = at < due ? at : due;
	}
	return due < soon ? soon : due; /* everything that is already due was checked just now */
}

static void stir(const struct beget_pool *pool, struct beget__worker *w)
{
	if (!w->kept.stirred && pool->slept)
		w->ended_at = beget__clock_now_ms();
	beget__kept_stir(&w->kept, pool->epoll);
}

/* Reading the memory of a worker costs as much as a small task. */
static void weigh(const struct beget_pool *pool, struct beget__worker *w)
{
	if (!pool->options.memory_kib || w->done < w->weigh_at)
		return;
	w->weigh_at = w->done + MEMORY_TASKS;
	w->heavy = beget__proc_memory_kib(beget_pid(w->kept.process)) > pool->options.memory_kib;
}

static void take_event(struct beget_pool *pool, uint64_t event)
{
	struct beget__worker *w = find(pool, event / BEGET__KEPT_KINDS);
	struct beget__news news = {0};

	if (!w)
		return;
	bool ready = beget__worker_ready(w);
	if (!beget__worker_receive(w, &news) || event % BEGET__KEPT_KINDS == BEGET__KEPT_PIDFD)
		stir(pool, w);
	beget__deal_take_news(pool, &news);
	beget__kept_watch_end(&w->kept, pool->epoll);
	if (!ready && beget__worker_ready(w)) {
		beget__keeper_succeeded(&pool->keeper);
		pool->changed = true;
	}
	weigh(pool, w);
}

void beget__crew_work(struct beget_pool *pool, const uint64_t *events, int n)
{
	for (int i = 0; i < n; i++)
		take_event(pool, events[i]);
	int64_t now = beget__clock_now_ms();
	look_at_ends(pool, now);
	enforce_limits(pool, now);
	adjust(pool, now);
	give_up(pool);
	beget__deal_out(pool);
	beget__deal_even(pool);
}

void beget__crew_dismiss(struct beget_pool *pool, bool kill)
{
	pool->dismissed |= kill;
	for (size_t i = 0; i < pool->n; i++)
		if (kill)
			beget__worker_kill(pool->workers[i]);
		else
			beget__worker_retire(pool->workers[i]);
}

void beget__crew_abandon(struct beget_pool *pool)
{
	(void)beget__deal_cancel_all(pool);
	for (; pool->n > 0; pool->n--) {
		struct beget__worker *w = pool->workers[pool->n - 1];
		for (struct beget_task *t; (t = w->sent.first);) {
			beget__task_remove(&w->sent, t);
			beget__task_end(t, BEGET_LOST, 0, NULL);
			beget__deal_finished(pool, t);
		}
		beget__worker_retire(w);
		beget__worker_free(w, !pool->solo);
	}
}

int beget__crew_begin(struct beget_pool *pool)
{
	int error = 0;

	while (!error && pool->n < pool->options.min_workers)
		error = start(pool);
	if (error)
		pool->last_failure = *beget__fail_last();
	return error;
}

void beget__crew_count(const struct beget_pool *pool, struct beget_pool_status *ret)
{
	for (size_t i = 0; i < pool->n; i++) {
		const struct beget__worker *w = pool->workers[i];
		ret->workers += beget__worker_ready(w);
		ret->busy += w->sent.n > 0;
		ret->running += beget__worker_running(w) != NULL;
	}
	ret->queued = (uint32_t)pool->unfinished - ret->running;
}
