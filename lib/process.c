/* The life of a handle, and the registry of all of them: it lets a forked copy of the caller close what is not its own,
 * and reaps the children whose handles were freed before their end.
 * Runs in the caller. Knows no start method beyond whose child a process is. */
#include "process.h"

#include "status.h"
#include "sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Registry: live handles, and those that were freed while their child ran. */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static struct beget_process *live, *orphans;
static _Thread_local int kept = -1; /* the far end for a child that is being forked */

static void prepare(void)
{
	pthread_mutex_lock(&registry);
}

static void parent(void)
{
	pthread_mutex_unlock(&registry);
}

static void disown(struct beget_process *p)
{
	if (p->far == kept)
		p->far = -1;
	beget__sys_close(&p->channel);
	beget__sys_close(&p->far);
	beget__sys_close(&p->pidfd);
	beget__sys_close(&p->reserve);
}

static void child(void)
{
	for (struct beget_process *p = live; p; p = p->next)
		disown(p);
	while (orphans) {
		struct beget_process *p = orphans;
		orphans = p->next;
		disown(p);
		free(p);
	}
	live = NULL; /* the copies stay allocated: the program may free them */
	pthread_mutex_init(&registry, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(prepare, parent, child);
}

void beget__process_guard(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&registry);
}

void beget__process_unguard(void)
{
	pthread_mutex_unlock(&registry);
}

static void enlist(struct beget_process **list, struct beget_process *p)
{
	p->next = *list;
	p->link = list;
	if (p->next)
		p->next->link = &p->next;
	*list = p;
}

static void delist(struct beget_process *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
}

int beget__process_new(struct beget_process **ret, enum beget_method method, const char *what)
{
	struct beget_process *p = beget__sys_alloc(sizeof(*p));
	int pair[2];

	if (!p)
		return beget__fail(ENOMEM, "cannot start %s", what);
	p->owner = getpid();
	p->method = method;
	snprintf(p->what, sizeof(p->what), "%s", what);
	pthread_mutex_init(&p->lock, NULL);
	p->channel = p->far = p->pidfd = p->reserve = -1;
	beget__process_guard();
	int error = beget__sys_pair(pair);
	if (!error) {
		p->channel = pair[0];
		p->far = pair[1];
		enlist(&live, p);
	}
	beget__process_unguard();
	if (error) {
		free(p);
		return beget__fail(-error, "cannot make a channel to the child");
	}
	*ret = p;
	return 0;
}

void beget__process_close_far(struct beget_process *p)
{
	beget__process_guard();
	beget__sys_close(&p->far);
	beget__process_unguard();
}

int beget__process_reserve(struct beget_process *p)
{
	beget__process_guard();
	p->reserve = beget__sys_dup(p->channel);
	beget__process_unguard();
	if (p->reserve < 0) {
		int error = p->reserve;
		p->reserve = -1;
		return beget__fail(-error, "cannot reserve a descriptor for the child");
	}
	return 0;
}

void beget__process_fork_keep(const struct beget_process *p)
{
	kept = p ? p->far : -1;
}

int beget__process_forked(void)
{
	return kept;
}

void beget__process_free_inbox(struct beget__inbox **in)
{
	if (*in) {
		beget__frame_clear(&(*in)->frame);
		beget__frame_clear(&(*in)->between);
	}
	free(*in);
	*in = NULL;
}

/* Frees everything but a child that still has to be reaped. */
static void destroy(struct beget_process *p)
{
	beget__process_free_inbox(&p->in);
	beget__process_free_inbox(&p->result_in);
	bool reap = p->ours && !p->ended && p->pid > 0 && p->owner == getpid();
	beget__process_guard();
	if (p->owner == getpid())
		delist(p);
	beget__sys_close(&p->channel);
	beget__sys_close(&p->far);
	beget__sys_close(&p->reserve);
	if (reap)
		enlist(&orphans, p);
	else
		beget__sys_close(&p->pidfd);
	beget__process_unguard();
	if (!reap) {
		pthread_mutex_destroy(&p->lock);
		free(p);
	}
}

void beget__process_abandon(struct beget_process *p)
{
	struct beget__evidence e = {.pid = p->pid, .pidfd = p->pidfd, .ours = true};
	siginfo_t info;

	/* Its channel closes without a word from us: a child that waits for one ends. */
	beget__process_guard();
	beget__sys_close(&p->channel);
	beget__sys_close(&p->far);
	beget__process_unguard();
	if (p->ours)
		beget__sys_waitid(P_PID, (id_t)e.pid, &info, WEXITED, NULL);
	p->ended = true;
	destroy(p);
}

void beget__process_sweep(void)
{
	struct beget_process *gone = NULL;

	if (!__atomic_load_n(&orphans, __ATOMIC_RELAXED))
		return;
	beget__process_guard();
	for (struct beget_process *p = orphans, *next; p; p = next) {
		struct beget__evidence e = {.pid = p->pid, .pidfd = p->pidfd, .ours = true};
		struct beget__exit end;
		next = p->next;
		if (beget__status_find(&e, &end) == -EAGAIN)
			continue;
		delist(p);
		beget__sys_close(&p->pidfd);
		p->next = gone;
		gone = p;
	}
	beget__process_unguard();
	while (gone) {
		struct beget_process *p = gone;
		gone = p->next;
		pthread_mutex_destroy(&p->lock);
		free(p);
	}
}

void beget_free(struct beget_process *p)
{
	if (!p)
		return;
	int cancel = beget__sys_no_cancel();
	if (p->owner == getpid()) {
		pthread_mutex_lock(&p->lock);
		beget__process_look(p);
		pthread_mutex_unlock(&p->lock);
	}
	destroy(p);
	beget__process_sweep();
	beget__sys_cancel(cancel);
}
