/* Handles that the user freed while their process was running. Our own children must be reaped, and a tied child lives
 * only as long as its tie. Each later start and free looks after them. Runs in the caller. */
#include "caller/orphan.h"

#include "caller/status.h"
#include "os/fd.h"

#include <unistd.h>

static struct {
	struct beget__forked forked;
	pthread_mutex_t lock;
	struct beget_process *_Atomic first;
} orphans = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* In a copy, process.c closes their descriptors. */
static void release(struct beget__forked *forked)
{
	pthread_mutex_init(&orphans.lock, NULL);
	orphans.first = NULL;
	beget__forks_watch(forked); /* the copy may get orphans of its own */
}

__attribute__((constructor)) static void at_load(void)
{
	orphans.forked.release = release;
	beget__forks_watch(&orphans.forked);
}

static void adopt(struct beget_process *p)
{
	pthread_mutex_lock(&orphans.lock);
	beget__forks_guard();
	if (p->ours) {
		beget__fd_close(&p->channel.fd); /* no thread will read its result */
		p->channel.closed = true;
	}
	p->orphan = true;
	p->next = orphans.first;
	orphans.first = p;
	beget__forks_unguard();
	pthread_mutex_unlock(&orphans.lock);
}

void beget__orphan_free(struct beget_process *p)
{
	bool owned = p->owner == getpid();

	if (owned) {
		pthread_mutex_lock(&p->lock);
		beget__status_update(p);
		pthread_mutex_unlock(&p->lock);
	}
	if (owned && (p->monitor > 0 || (!p->ended && (p->ours || p->tie >= 0))))
		adopt(p);
	else
		beget__process_destroy(p);
}

/* Removes those that have ended from the list. */
static struct beget_process *take_ended(void)
{
	struct beget_process *left = NULL, *ended = NULL, *next;

	for (struct beget_process *p = orphans.first; p; p = next) {
		next = p->next;
		beget__status_update(p);
		struct beget_process **list = p->ended && p->monitor <= 0 ? &ended : &left;
		p->next = *list;
		*list = p;
	}
	orphans.first = left;
	return ended;
}

void beget__orphan_sweep(void)
{
	struct beget_process *next;

	if (!orphans.first || pthread_mutex_trylock(&orphans.lock))
		return; /* or another thread is sweeping */
	struct beget_process *ended = take_ended();
	pthread_mutex_unlock(&orphans.lock);
	for (; ended; ended = next) {
		next = ended->next;
		beget__process_destroy(ended);
	}
}
