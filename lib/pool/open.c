/* Pools: opening, inspecting, resizing, closing, freeing.
 * Runs in the caller, in any thread. */
#include "pool/open.h"

#include "caller/check.h"
#include "caller/options.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/poll.h"
#include "os/thread.h"
#include "program/symbol.h"
#include "keeper/copy.h"
#include "pool/crew.h"
#include "pool/deal.h"
#include "pool/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How long workers may take to end when the pool is closed. */
enum { LAST_MS = 2000 };

static void close_descriptors(struct beget_pool *pool)
{
	beget__fd_close(&pool->epoll);
	beget__fd_close(&pool->bell);
	beget__fd_close(&pool->outer);
	beget__fd_close(&pool->flag);
	beget__fd_close(&pool->timer);
}

/* In a forked copy of the process: the descriptors are the parent's. */
static void release(struct beget__forked *forked)
{
	const struct beget_pool *pool = (const struct beget_pool *)forked;
	const int fds[] = {pool->epoll, pool->bell, pool->outer, pool->flag, pool->timer};

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		beget__fd_close_number(fds[i]);
	beget__deal_release(pool);
}

void beget__open_drop(struct beget_pool *pool)
{
	if (--pool->references > 0) {
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	pthread_mutex_unlock(&pool->lock);
	beget__forks_guard();
	if (pool->owner == getpid()) {
		beget__forks_unwatch(&pool->forked);
		close_descriptors(pool);
	}
	beget__forks_unguard();
	beget__parcel_free(&pool->prepare);
	beget__target_free(&pool->prepare_target);
	beget__parcel_clear(&pool->shelf);
	free(pool->start);
	pthread_cond_destroy(&pool->turn);
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool);
}

static int open_descriptors(struct beget_pool *pool)
{
	int error;

	beget__forks_guard();
	pool->epoll = beget__poll_create();
	pool->bell = beget__poll_bell();
	error = pool->epoll < 0 ? pool->epoll : pool->bell < 0 ? pool->bell : 0;
	if (!error)
		error = beget__poll_add(pool->epoll, pool->bell, BEGET__WAIT_BELL);
	beget__forks_watch(&pool->forked);
	beget__forks_unguard();
	return error ? beget__fail_errno(-error, "cannot open a pool") : 0;
}

static int check(const struct beget_pool_options *given, struct beget_pool_options *o)
{
	const unsigned known = BEGET_POOL_IN_ORDER | BEGET_POOL_NO_WAIT | BEGET_POOL_UNTIED;
	const size_t least = offsetof(struct beget_pool_options, flags) + sizeof(o->flags);

	int error = beget__options_copy(o, sizeof(*o), given, least, "BEGET_POOL_OPTIONS");
	if (error)
		return error;
	if (o->flags & ~known)
		return beget__fail(EINVAL, "unknown flags 0x%x", o->flags & ~known);
	if (o->limit_ms < 0 || o->idle_ms < 0 || o->lifetime_ms < 0 || o->memory_kib < 0)
		return beget__fail(EINVAL, "a limit of the pool is negative");
	o->workers = o->workers ? o->workers : beget__cpu_count();
	o->min_workers = o->min_workers ? o->min_workers : 1;
	o->queue = o->queue ? o->queue : BEGET__OPEN_QUEUE;
	o->idle_ms = o->idle_ms ? o->idle_ms : BEGET__OPEN_IDLE_MS;
	o->boots = o->boots ? o->boots : BEGET__OPEN_BOOTS;
	if (o->min_workers > o->workers)
		return beget__fail(EINVAL, "min_workers is %u and workers only %u", o->min_workers, o->workers);
	return 0;
}

/* Copies the call that each worker makes first. */
static int keep_prepare(struct beget_pool *pool, const struct beget_call *call)
{
	struct beget__plan plan;

	int error = beget__check_task(&plan, pool->start, call);
	if (!error)
		error = beget__parcel_make(&pool->prepare, &plan, 0, &pool->shelf);
	if (!error && beget__target_keep(&plan.target, &pool->prepare_target))
		error = beget__fail_errno(ENOMEM, "cannot copy the call");
	beget__check_free(&plan);
	return error ? beget__fail_prefix("the prepare call") : 0;
}

static int new_pool(struct beget_pool **ret, const struct beget_pool_options *o, bool solo)
{
	struct beget_pool *pool = beget__mem_alloc(sizeof(*pool));
	pthread_condattr_t monotonic;

	if (!pool)
		return beget__fail_errno(ENOMEM, "cannot open a pool");
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->turn, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&pool->lock, NULL);
	pool->owner = getpid();
	pool->references = 1;
	pool->options = *o;
	pool->solo = solo;
	pool->forked.release = release;
	pool->epoll = pool->bell = pool->outer = pool->flag = pool->timer = pool->prepare.file = -1;
	int error = open_descriptors(pool);
	if (!error)
		error = beget__copy_options(o->start, o->flags & BEGET_POOL_UNTIED ? 0 : BEGET_TIED, !solo,
		                            &pool->start);
	if (!error && o->prepare)
		error = keep_prepare(pool, o->prepare);
	if (error) {
		pthread_mutex_lock(&pool->lock);
		beget__open_drop(pool);
		return error;
	}
	*ret = pool;
	return 0;
}

static bool is_up(const struct beget_pool *pool, const void *unused)
{
	(void)unused;
	for (size_t i = 0; i < pool->n; i++)
		if (beget__worker_ready(pool->workers[i]))
			return true;
	return pool->last_failure.code != 0;
}

/* Explains why the first worker is missing. */
static int fail_first(const struct beget_pool *pool)
{
	char name[160];

	beget__fail_again(&pool->last_failure);
	if (!pool->options.prepare)
		return beget__fail_prefix("the first worker");
	beget__symbol_name(pool->prepare_target.module, pool->prepare_target.offset, name, sizeof(name));
	return beget__fail_prefix("the first worker, prepared by %s", name);
}

static int start_first(struct beget_pool *pool)
{
	int cancel = beget__thread_no_cancel();

	pthread_mutex_lock(&pool->lock);
	int error = beget__crew_begin(pool);
	if (!error)
		error = beget__wait_until(pool, is_up, NULL, BEGET_FOREVER);
	if (!error && pool->last_failure.code)
		error = fail_first(pool);
	beget__wait_leave(pool, cancel);
	return error;
}

int beget__open_pool(struct beget_pool **ret, const struct beget_pool_options *o, bool solo)
{
	struct beget_pool *pool = NULL;

	int error = new_pool(&pool, o, solo);
	if (error)
		return error;
	error = start_first(pool);
	if (error) {
		struct beget__failure why = *beget__fail_last();
		beget_pool_free(pool);
		return beget__fail_again(&why);
	}
	*ret = pool;
	return 0;
}

int beget_pool_open(struct beget_pool **ret, const struct beget_pool_options *options)
{
	struct beget_pool_options checked;

	if (!ret)
		return beget__fail(EINVAL, "cannot open a pool: ret is NULL");
	int error = check(options, &checked);
	return error ? error : beget__open_pool(ret, &checked, false);
}

static bool is_drained(const struct beget_pool *pool, const void *unused)
{
	(void)unused;
	return pool->unfinished == 0;
}

static bool is_empty(const struct beget_pool *pool, const void *unused)
{
	(void)unused;
	return pool->n == 0;
}

int beget_pool_close(struct beget_pool *pool, int timeout_ms)
{
	int cancel;
	int error = beget__wait_enter(pool, "close", &cancel);

	if (error)
		return error;
	pool->closed = true;
	error = beget__wait_until(pool, is_drained, NULL, timeout_ms);
	if (error) {
		(void)beget__deal_cancel_all(pool);
		beget__fail(ETIMEDOUT, "the pool was closed before all of its tasks had finished");
	}
	beget__crew_dismiss(pool, error != 0);
	if (beget__wait_until(pool, is_empty, NULL, LAST_MS)) { /* for example, an exit handler hangs */
		beget__crew_dismiss(pool, true);
		(void)beget__wait_until(pool, is_empty, NULL, LAST_MS);
	}
	beget__wait_leave(pool, cancel);
	return error;
}

/* Finished tasks without a handle are freed with the pool; the other tasks keep its memory until they are freed. */
void beget__open_free(struct beget_pool *pool)
{
	pool->freed = true;
	beget__crew_abandon(pool); /* workers whose end was not seen */
	for (struct beget_task *t; (t = pool->done.first);) {
		beget__deal_settle(pool, t);
		if (t->owned)
			continue;
		beget__task_destroy(t);
		pool->references--;
	}
	beget__open_drop(pool);
}

void beget_pool_free(struct beget_pool *pool)
{
	if (!pool || pool->owner != getpid()) /* in a copy, another thread may have held the lock */
		return;
	(void)beget_pool_close(pool, 0);
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&pool->lock);
	beget__open_free(pool);
	beget__thread_cancel(cancel);
}

/* The instance that the caller polls contains the inner one, and the flag for finished tasks, which the inner one does
 * not show. */
static int make_outer(struct beget_pool *pool)
{
	beget__forks_guard();
	pool->timer = beget__poll_timer();
	pool->flag = beget__poll_bell();
	int outer = beget__poll_create();
	beget__forks_unguard();
	int error = pool->timer < 0 ? pool->timer : pool->flag < 0 ? pool->flag : outer < 0 ? outer : 0;
	if (!error)
		error = beget__poll_add(pool->epoll, pool->timer, BEGET__WAIT_TIMER);
	if (!error)
		error = beget__poll_add(outer, pool->epoll, 0);
	if (!error)
		error = beget__poll_add(outer, pool->flag, 0);
	if (error) {
		beget__fd_close(&pool->timer);
		beget__fd_close(&pool->flag);
		beget__fd_close(&outer);
		return beget__fail_errno(-error, "cannot create the descriptor of the pool");
	}
	pool->outer = outer;
	pool->armed_at = INT64_MAX;
	return 0;
}

int beget_pool_fd(struct beget_pool *pool)
{
	int cancel;
	int error = beget__wait_enter(pool, "get the descriptor", &cancel);

	if (error)
		return error;
	if (pool->outer < 0)
		error = make_outer(pool);
	int fd = pool->outer;
	beget__wait_leave(pool, cancel);
	return error ? error : fd;
}

int beget_pool_resize(struct beget_pool *pool, unsigned workers)
{
	int cancel;
	int error = beget__wait_enter(pool, "resize", &cancel);

	if (error)
		return error;
	pool->options.workers = workers ? workers : beget__cpu_count();
	if (pool->options.min_workers > pool->options.workers)
		pool->options.min_workers = pool->options.workers;
	beget__wait_look(pool);
	beget__wait_leave(pool, cancel);
	return 0;
}

int beget_pool_status(struct beget_pool *pool, struct beget_pool_status *ret)
{
	int cancel;
	int error = ret ? beget__wait_enter(pool, "read the status", &cancel)
	                : beget__fail(EINVAL, "cannot read the status: ret is NULL");

	if (error)
		return error;
	beget__wait_look(pool);
	*ret = pool->counts;
	beget__crew_count(pool, ret);
	beget__wait_leave(pool, cancel);
	return 0;
}

int beget_pool_cancel(struct beget_pool *pool)
{
	int cancel;
	int n = beget__wait_enter(pool, "cancel", &cancel);

	if (n)
		return n;
	n = beget__deal_cancel_all(pool);
	beget__wait_leave(pool, cancel);
	return n;
}
