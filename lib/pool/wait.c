/* Entering a pool, leaving it, and waiting in it. There is no thread: each call does what is due. If several threads
 * wait, one leads: it sleeps in epoll_wait for all of them, and wakes the others when something has happened. Runs in
 * the caller, in any thread. */
#include "pool/wait.h"

#include "os/clock.h"
#include "os/fail.h"
#include "os/poll.h"
#include "os/self.h"
#include "os/thread.h"
#include "pool/crew.h"
#include "pool/deal.h"

#include <errno.h>

int beget__wait_enter(struct beget_pool *pool, const char *what, int *cancel)
{
	if (!pool)
		return beget__fail(EINVAL, "cannot %s: the pool is NULL", what);
	if (pool->owner != beget__self_pid())
		return beget__fail(ECHILD,
		                   "cannot %s: the pool belongs to process %d, of which this process is a forked copy",
		                   what, (int)pool->owner);
	*cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&pool->lock);
	return 0;
}

/* Makes the descriptor that the caller polls show the pool's state until the next call of the library. */
static void show(struct beget_pool *pool)
{
	bool raise = beget__deal_next(pool) != NULL;
	int64_t due = beget__crew_due(pool);

	if (raise != pool->raised)
		raise ? beget__poll_ring(pool->flag) : beget__poll_silence(pool->flag);
	pool->raised = raise;
	if (due != pool->armed_at)
		beget__poll_timer_set(pool->timer, due);
	pool->armed_at = due;
}

/* Other waiting threads look again. */
void beget__wait_leave(struct beget_pool *pool, int cancel)
{
	if (pool->changed && pool->led)
		beget__poll_ring(pool->bell);
	if (pool->changed && pool->followers > 0)
		pthread_cond_broadcast(&pool->turn);
	pool->changed = false;
	if (pool->outer >= 0)
		show(pool);
	pthread_mutex_unlock(&pool->lock);
	beget__thread_cancel(cancel);
}

static void work(struct beget_pool *pool, int wait_ms)
{
	enum { MOST = 16 };
	uint64_t events[MOST];
	int n;

	if (wait_ms == 0) {
		n = beget__poll_wait(pool->epoll, events, MOST, 0);
	} else {
		pool->led = true;
		pthread_mutex_unlock(&pool->lock);
		n = beget__poll_wait(pool->epoll, events, MOST, wait_ms);
		pthread_mutex_lock(&pool->lock);
		pool->led = false;
	}
	for (int i = 0; i < n; i++)
		if (events[i] == BEGET__WAIT_BELL)
			beget__poll_silence(pool->bell);
	pool->slept = wait_ms != 0;
	beget__crew_work(pool, events, n);
}

static void lead(struct beget_pool *pool, int64_t deadline)
{
	int64_t due = beget__crew_due(pool);

	work(pool, beget__clock_left_ms(due < deadline ? due : deadline));
	if (pool->followers > 0)
		pthread_cond_broadcast(&pool->turn);
}

static void follow(struct beget_pool *pool, int64_t deadline)
{
	struct timespec until = {deadline / 1000, (long)(deadline % 1000) * 1000000};

	pool->followers++;
	if (deadline == INT64_MAX)
		pthread_cond_wait(&pool->turn, &pool->lock);
	else
		pthread_cond_timedwait(&pool->turn, &pool->lock, &until);
	pool->followers--;
}

/* Waits until enough returns true: 0, or -ETIMEDOUT. */
int beget__wait_until(struct beget_pool *pool, bool (*enough)(const struct beget_pool *, const void *),
                      const void *data, int timeout_ms)
{
	int64_t deadline = beget__clock_deadline(timeout_ms);

	if (enough(pool, data))
		return 0;
	if (timeout_ms == 0 && !pool->led)
		beget__wait_look(pool);
	while (!enough(pool, data)) {
		if (beget__clock_left_ms(deadline) == 0)
			return -ETIMEDOUT;
		if (pool->led)
			follow(pool, deadline);
		else
			lead(pool, deadline);
	}
	return 0;
}

void beget__wait_look(struct beget_pool *pool)
{
	work(pool, 0);
}
