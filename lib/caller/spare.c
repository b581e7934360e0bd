/* Children that are created before their starts. A spare is a process with a channel that waits for its call; a start
 * that takes one only sends the call. A server keeps a fixed number of them. The caller asks for missing ones when a
 * handle is freed, so that no start takes longer, and the helper creates them when it is idle.
 * Runs in the caller. Knows no call. The lock of all pools is the one that forks wait for. */
#include "caller/spare.h"

#include "caller/forks.h"
#include "caller/lease.h"
#include "caller/process.h"
#include "os/clock.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 1000 }; /* after a failure */

/* Servers that keep spares. */
static struct {
	struct beget_server *first;
	pid_t owner; /* in a copy of this process, the list is not valid */
	/* A pool may lack some; read without the lock, because it is checked for each freed handle. */
	atomic_bool hungry;
} servers;

enum state { ON_ITS_WAY, WAITS, DEAD };

/* A waiting spare has reported its birth, and nothing else. */
static enum state look(const struct beget_process *p)
{
	struct pollfd news = {.fd = p->channel.fd, .events = POLLIN | POLLRDHUP};

	if (beget__fd_poll(&news, 1, 0) <= 0)
		return ON_ITS_WAY;
	return news.revents == POLLIN ? WAITS : DEAD;
}

static void discard(struct beget__pool *pool, unsigned i)
{
	beget__process_abandon(pool->spares[i]);
	pool->n--;
	for (; i < pool->n; i++)
		pool->spares[i] = pool->spares[i + 1];
}

/* Spares that die are not replaced at once: what killed them may kill the next. */
static void discard_dead(struct beget__pool *pool, unsigned i)
{
	discard(pool, i);
	pool->not_before = beget__clock_now_ms() + PAUSE_MS;
}

/* Removes those that have ended or belong to a helper that has been replaced. */
static void weed(struct beget__pool *pool, unsigned generation)
{
	for (unsigned i = pool->n; i-- > 0;) {
		if (pool->spares[i]->generation != generation)
			discard(pool, i);
		else if (look(pool->spares[i]) == DEAD)
			discard_dead(pool, i);
	}
}

/* Last in, first out: its memory is the most likely to be in the cache. */
struct beget_process *beget__spare_take(struct beget_server *s, enum beget__spare kind)
{
	struct beget__pool *pool = &s->pools[kind];
	struct beget_process *found = NULL;

	if (pool->size == 0)
		return NULL;
	beget__forks_guard();
	for (unsigned i = pool->n; i-- > 0 && !found;) {
		enum state state = look(pool->spares[i]);
		if (state == DEAD)
			discard_dead(pool, i);
		if (state != WAITS)
			continue;
		found = pool->spares[i];
		pool->n--;
		for (; i < pool->n; i++)
			pool->spares[i] = pool->spares[i + 1];
	}
	beget__forks_unguard();
	servers.hungry = true;
	return found;
}

static int make(struct beget_server *s, enum beget__spare kind, unsigned generation, struct beget_process **ret)
{
	struct beget__request request = {.caller = getpid(), .spare = kind}; /* never waits for room */
	struct beget_process *p;

	int error = beget__process_new(&p, "a spare");
	if (error)
		return error;
	error = beget__process_reserve(p);
	if (!error)
		error = beget__connection_start(&s->connection, &p->channel, &request);
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

/* Requests spares until the pool is full or a request fails. After a failure it pauses for a while. */
static bool fill(struct beget_server *s, enum beget__spare kind, unsigned generation)
{
	struct beget__pool *pool = &s->pools[kind];

	weed(pool, generation);
	while (pool->n < pool->size && beget__clock_now_ms() >= pool->not_before) {
		int error = make(s, kind, generation, &pool->spares[pool->n]);
		if (!error)
			pool->n++;
		else if (error == -ETIMEDOUT) /* the helper is busy */
			break;
		else
			pool->not_before = beget__clock_now_ms() + PAUSE_MS;
	}
	return pool->n == pool->size;
}

static bool refill(struct beget_server *s)
{
	struct beget__view helper;

	if (!beget__lease_enter_now(&s->connection, &helper)) /* the next start launches it */
		return false;
	bool warm = fill(s, BEGET__WARM, helper.generation), fresh = fill(s, BEGET__FRESH, helper.generation);
	beget__lease_leave(&s->connection);
	return warm && fresh;
}

void beget__spare_refill(void)
{
	if (!servers.hungry || servers.owner != getpid())
		return;
	beget__forks_guard();
	servers.hungry = false;
	for (struct beget_server *s = servers.first; s; s = s->next)
		if (!refill(s))
			servers.hungry = true;
	beget__forks_unguard();
}

int beget__spare_keep(struct beget_server *s, enum beget__spare kind, unsigned size)
{
	struct beget__pool *pool = &s->pools[kind];

	if (size == 0)
		return 0;
	pool->spares = beget__mem_alloc(size * sizeof(*pool->spares));
	if (!pool->spares)
		return beget__fail_errno(ENOMEM, "cannot allocate memory for spares");
	pool->size = size;
	return 0;
}

void beget__spare_open(struct beget_server *s)
{
	beget__forks_guard();
	if (servers.owner != getpid())
		servers.first = NULL;
	servers.owner = getpid();
	s->next = servers.first;
	servers.first = s;
	servers.hungry = true;
	beget__forks_unguard();
	beget__spare_refill();
}

void beget__spare_close(struct beget_server *s)
{
	beget__forks_guard();
	for (struct beget_server **link = &servers.first; *link; link = &(*link)->next)
		if (*link == s) {
			*link = s->next;
			break;
		}
	for (int kind = 0; kind < BEGET__SPARE_KINDS; kind++) {
		while (s->pools[kind].n > 0)
			discard(&s->pools[kind], s->pools[kind].n - 1);
		free(s->pools[kind].spares);
	}
	beget__forks_unguard();
}

unsigned beget__spare_count(const struct beget_server *s)
{
	beget__forks_guard();
	unsigned n = s->pools[BEGET__WARM].n + s->pools[BEGET__FRESH].n;
	beget__forks_unguard();
	return n;
}
