/* Children made ahead of their starts: each is a started process like any other, which has its channel and waits there
 * for its call. A start that finds one only sends that call. The helper makes them when it has nothing else to do, so
 * asking for them delays nobody; under load they do not come, and starts go the ordinary way.
 * Runs in the caller. Knows no call. */
#include "spare.h"

#include "sys.h"

#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 1000 }; /* after a failure */

/* It has said that it was born, and nothing else: then it waits. */
static bool waits(const struct beget_process *p)
{
	struct pollfd news = {.fd = p->channel, .events = POLLIN | POLLRDHUP};

	return beget__sys_poll(&news, 1, 0) == 1 && news.revents == POLLIN;
}

static bool ended(const struct beget_process *p)
{
	struct pollfd news = {.fd = p->channel, .events = POLLRDHUP};

	return beget__sys_poll(&news, 1, 0) != 0;
}

/* The last in is the first out: its memory is the most likely to be in the cache. */
struct beget_process *beget__spare_take(struct beget_server *s, enum beget_method method)
{
	struct beget__pool *pool = &s->pools[method];
	struct beget_process *found = NULL;

	if (pool->want == 0)
		return NULL;
	pthread_mutex_lock(&s->pool_lock);
	for (unsigned i = pool->n; i-- > 0 && !found;) {
		struct beget_process *p = pool->waiting[i];
		bool dead = ended(p);
		if (!dead && !waits(p))
			continue; /* on its way */
		pool->waiting[i] = pool->waiting[--pool->n];
		if (dead)
			beget__process_abandon(p);
		else
			found = p;
	}
	pthread_mutex_unlock(&s->pool_lock);
	return found;
}

static int make(struct beget_server *s, enum beget_method method, unsigned generation, struct beget_process **ret)
{
	struct beget__request request = {
		.caller = getpid(),
		.spare = method == BEGET_SPAWN ? BEGET__FRESH : BEGET__WARM,
	};
	struct beget_process *p;

	int error = beget__process_new(&p, method, "a spare");
	if (error)
		return error;
	error = beget__process_reserve(p);
	if (!error)
		error = beget__server_start(s, p->far, &request); /* within no time */
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

void beget__spare_refill(struct beget_server *s, enum beget_method method)
{
	struct beget__pool *pool = &s->pools[method];
	struct beget__server_view helper;

	if (pool->n >= pool->want) /* a look without the lock: the next start looks again */
		return;
	if (beget__server_enter(s, NULL, &helper))
		return;
	pthread_mutex_lock(&s->pool_lock);
	while (pool->n < pool->want && beget__sys_now_ms() >= pool->not_before) {
		struct beget_process *p;
		if (make(s, method, helper.generation, &p))
			pool->not_before = beget__sys_now_ms() + PAUSE_MS;
		else
			pool->waiting[pool->n++] = p;
	}
	pthread_mutex_unlock(&s->pool_lock);
	beget__server_leave(s);
}

void beget__spare_discard(struct beget_server *s)
{
	pthread_mutex_lock(&s->pool_lock);
	for (int i = 0; i < 2; i++)
		while (s->pools[i].n > 0)
			beget__process_abandon(s->pools[i].waiting[--s->pools[i].n]);
	pthread_mutex_unlock(&s->pool_lock);
}
