/* Children made ahead of their starts: each is a started process like any other, which has its channel and waits there
 * for its call. A start that finds one only sends that call. The helper makes them when it has nothing else to do, so
 * asking for them delays nobody; under load they do not come, and starts go the ordinary way.
 * They are asked for when a handle is given back, off the way of a start, as many as starts have needed lately. Runs in
 * the caller. Knows no call. */
#include "caller/spare.h"

#include "caller/connection.h"
#include "caller/process.h"
#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MS = 1000 }; /* after a failure */

int beget__spare_review_ms = 60000;

/* Servers that keep spares. */
static struct {
	pthread_mutex_t lock; /* outermost: a server closes only when nobody refills it */
	struct beget_server *first;
	atomic_bool hungry; /* one of them lacks some */
} servers = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum { ON_ITS_WAY, WAITS, DEAD };

/* One that waits has said that it was born, and nothing else. */
static int look(const struct beget_process *p)
{
	struct pollfd news = {.fd = p->channel, .events = POLLIN | POLLRDHUP};

	if (beget__fd_poll(&news, 1, 0) <= 0)
		return ON_ITS_WAY;
	return news.revents == POLLIN ? WAITS : DEAD;
}

static void give_up(struct beget__pool *pool, struct beget_process *p)
{
	beget__process_abandon(p);
	pool->not_before = beget__clock_now_ms() + PAUSE_MS;
}

/* Those that no start has come upon. */
static void weed(struct beget__pool *pool)
{
	struct pollfd ends[BEGET__MOST_SPARES];

	for (unsigned i = 0; i < pool->n; i++)
		ends[i] = (struct pollfd){.fd = pool->waiting[i]->channel, .events = POLLRDHUP};
	if (beget__fd_poll(ends, pool->n, 0) <= 0)
		return;
	for (unsigned i = pool->n; i-- > 0;) {
		struct beget_process *p = pool->waiting[i];
		if (!ends[i].revents)
			continue;
		pool->waiting[i] = pool->waiting[--pool->n];
		give_up(pool, p);
	}
}

/* A start that finds none shows at once that there are too few; that there are too many shows when some have not been
 * needed for a while. */
static void note_demand(struct beget__pool *pool, bool found)
{
	if (!found && pool->aim < pool->most)
		pool->aim++;
	if (pool->n < pool->least)
		pool->least = pool->n;
}

/* The oldest go: the last in is the first out. */
static void follow_demand(struct beget__pool *pool)
{
	int64_t now = beget__clock_now_ms();

	if (now - pool->reviewed_at < beget__spare_review_ms)
		return;
	if (pool->reviewed_at > 0 && pool->least > 0) /* one stays for the next start */
		pool->aim = pool->aim > pool->least ? pool->aim - pool->least : 1;
	pool->least = pool->most;
	pool->reviewed_at = now;
	unsigned surplus = pool->n > pool->aim ? pool->n - pool->aim : 0;
	if (surplus == 0)
		return;
	for (unsigned i = 0; i < surplus; i++)
		beget__process_abandon(pool->waiting[i]);
	pool->n -= surplus;
	memmove(pool->waiting, pool->waiting + surplus, pool->n * sizeof(*pool->waiting));
}

/* The last in is the first out: its memory is the most likely to be in the cache. */
struct beget_process *beget__spare_take(struct beget_server *s, enum beget_method method)
{
	struct beget__pool *pool = &s->pools[method];
	struct beget_process *found = NULL;

	if (pool->most == 0)
		return NULL;
	pthread_mutex_lock(&s->pool_lock);
	for (unsigned i = pool->n; i-- > 0 && !found;) {
		struct beget_process *p = pool->waiting[i];
		int state = look(p);
		if (state == ON_ITS_WAY)
			continue;
		pool->waiting[i] = pool->waiting[--pool->n];
		if (state == WAITS)
			found = p;
		else
			give_up(pool, p);
	}
	note_demand(pool, found != NULL);
	pthread_mutex_unlock(&s->pool_lock);
	servers.hungry = true;
	return found;
}

static int make(struct beget_server *s, enum beget_method method, unsigned generation, struct beget_process **ret)
{
	struct beget__request request = {
		.caller = getpid(),
		.spare = method == BEGET_SPAWN ? BEGET__FRESH : BEGET__WARM,
	};
	struct beget_process *p;

	int error = beget__process_new(&p, "a spare");
	if (error)
		return error;
	error = beget__process_reserve(p);
	if (!error)
		error = beget__connection_start(s, p->far, &request); /* within no time */
	if (error) {
		beget__process_abandon(p);
		return error;
	}
	beget__process_close_far(p);
	p->spare = true;
	p->generation = generation;
	*ret = p;
	return 0;
}

/* Until the pool is full, or something fails: then it is tried again a while later. */
static bool fill(struct beget_server *s, enum beget_method method, unsigned generation)
{
	struct beget__pool *pool = &s->pools[method];

	weed(pool);
	follow_demand(pool);
	while (pool->n < pool->aim && beget__clock_now_ms() >= pool->not_before) {
		struct beget_process *p;
		int error = make(s, method, generation, &p);
		if (!error)
			pool->waiting[pool->n++] = p;
		else if (error == -ETIMEDOUT) /* the helper has enough to do */
			break;
		else
			pool->not_before = beget__clock_now_ms() + PAUSE_MS;
	}
	return pool->n >= pool->aim;
}

static bool refill(struct beget_server *s)
{
	struct beget__view helper;

	if (!beget__connection_enter_now(s, &helper)) /* the next start launches it */
		return false;
	pthread_mutex_lock(&s->pool_lock);
	bool forks = fill(s, BEGET_FORKSERVER, helper.generation), images = fill(s, BEGET_SPAWN, helper.generation);
	pthread_mutex_unlock(&s->pool_lock);
	beget__connection_leave(s);
	return forks && images;
}

void beget__spare_refill(void)
{
	if (!servers.hungry || pthread_mutex_trylock(&servers.lock))
		return;
	servers.hungry = false;
	for (struct beget_server *s = servers.first; s; s = s->next_with_spares)
		if (!refill(s))
			servers.hungry = true;
	pthread_mutex_unlock(&servers.lock);
}

void beget__spare_open(struct beget_server *s)
{
	pthread_mutex_lock(&servers.lock);
	s->next_with_spares = servers.first;
	servers.first = s;
	pthread_mutex_unlock(&servers.lock);
	servers.hungry = true;
	beget__process_when_idle = beget__spare_refill;
	beget__spare_refill();
}

void beget__spare_close(struct beget_server *s)
{
	pthread_mutex_lock(&servers.lock);
	for (struct beget_server **link = &servers.first; *link; link = &(*link)->next_with_spares)
		if (*link == s) {
			*link = s->next_with_spares;
			break;
		}
	pthread_mutex_unlock(&servers.lock);
}

void beget__spare_forget(void)
{
	servers.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	servers.first = NULL;
	servers.hungry = false;
}

void beget__spare_discard(struct beget_server *s)
{
	pthread_mutex_lock(&s->pool_lock);
	for (int i = 0; i < 2; i++) {
		while (s->pools[i].n > 0)
			beget__process_abandon(s->pools[i].waiting[--s->pools[i].n]);
		s->pools[i].not_before = 0; /* another helper may do better */
	}
	pthread_mutex_unlock(&s->pool_lock);
}
