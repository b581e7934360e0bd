/* Waiting for any of many processes at a cost that does not depend on their number: their sentinels are in one epoll
 * instance. A process is in one set at most, and leaves it when its end is returned. The lock of forks.c protects all
 * sets, so no fork happens while one changes. Runs in the caller, in any thread. */
#include "caller/set.h"

#include "caller/process.h"
#include "os/clock.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/poll.h"
#include "os/self.h"
#include "os/thread.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { EMPTY = 0 }; /* the number of the bell; those of processes are their addresses */

struct beget_set {
	struct beget__forked forked; /* must be the first field */
	pid_t owner;
	int epoll;
	int bell; /* wakes waiting threads when nothing is left to wait for */
	struct beget_process *first;
	unsigned waiters;
};

/* In a forked copy of the process: the descriptors are the parent's. */
static void release(struct beget__forked *forked)
{
	const struct beget_set *set = (const struct beget_set *)forked;

	beget__fd_close_number(set->epoll);
	beget__fd_close_number(set->bell);
}

static int open_descriptors(struct beget_set *set)
{
	beget__forks_guard();
	set->epoll = beget__poll_create();
	set->bell = beget__poll_bell();
	int error = set->epoll < 0 ? set->epoll : set->bell < 0 ? set->bell : 0;
	if (!error)
		error = beget__poll_add(set->epoll, set->bell, EMPTY);
	beget__forks_watch(&set->forked);
	beget__forks_unguard();
	return error;
}

int beget_set_open(struct beget_set **ret)
{
	if (!ret)
		return beget__fail(EINVAL, "cannot open a set: ret is NULL");
	struct beget_set *set = beget__mem_alloc(sizeof(*set));
	if (!set)
		return beget__fail_errno(ENOMEM, "cannot open a set");
	set->forked.release = release;
	set->owner = beget__self_pid();
	int error = open_descriptors(set);
	if (error) {
		beget_set_free(set);
		return beget__fail_errno(-error, "cannot open a set");
	}
	*ret = set;
	return 0;
}

static int check(const struct beget_set *set, const char *what)
{
	if (!set)
		return beget__fail(EINVAL, "cannot %s: the set is NULL", what);
	if (set->owner != beget__self_pid())
		return beget__fail(ECHILD,
		                   "cannot %s: the set belongs to process %d, of which this process is a forked copy",
		                   what, (int)set->owner);
	return 0;
}

static int enter(struct beget_process *p, struct beget_set *set, int sentinel, void *data)
{
	int error = p->in_set.set ? -EBUSY : beget__poll_add(set->epoll, sentinel, (uintptr_t)p);

	if (error)
		return error;
	p->in_set = (struct beget__in_set){.set = set, .link = &set->first, .next = set->first, .data = data};
	if (set->first)
		set->first->in_set.link = &p->in_set.next;
	set->first = p;
	return 0;
}

static void leave(struct beget_process *p)
{
	struct beget_set *set = p->in_set.set;

	beget__poll_remove(set->epoll, p->sentinel);
	*p->in_set.link = p->in_set.next;
	if (p->in_set.next)
		p->in_set.next->in_set.link = p->in_set.link;
	p->in_set = (struct beget__in_set){0};
	if (!set->first && set->waiters > 0)
		beget__poll_ring(set->bell);
}

int beget_set_add(struct beget_set *set, struct beget_process *p, void *data)
{
	char name[BEGET__PROCESS_NAME];
	int error = check(set, "add a process");
	int sentinel = error ? error : beget_sentinel(p);

	if (sentinel < 0)
		return sentinel;
	int cancel = beget__thread_no_cancel();
	beget__forks_guard();
	error = enter(p, set, sentinel, data);
	beget__forks_unguard();
	if (error) {
		pthread_mutex_lock(&p->lock);
		beget__process_name(p, name);
		pthread_mutex_unlock(&p->lock);
		error = error == -EBUSY ? beget__fail(EBUSY, "cannot add %s: it is in a set already", name)
		                        : beget__fail_errno(-error, "cannot add %s to a set", name);
	}
	beget__thread_cancel(cancel);
	return error;
}

static bool remove_from(struct beget_set *set, struct beget_process *p)
{
	beget__forks_guard();
	bool is_member = p->in_set.set == set;
	if (is_member)
		leave(p);
	beget__forks_unguard();
	return is_member;
}

int beget_set_remove(struct beget_set *set, struct beget_process *p)
{
	int error = check(set, "remove a process");

	if (!error)
		error = beget__process_check(p, "remove it from a set");
	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	if (!remove_from(set, p))
		error = beget__fail(ENOENT, "cannot remove the process: it is not in the set");
	beget__thread_cancel(cancel);
	return error;
}

void beget__set_forget(struct beget_process *p)
{
	if (p->in_set.set && p->owner == beget__self_pid())
		(void)remove_from(p->in_set.set, p);
}

/* NULL if none has ended. */
static struct beget_process *take(struct beget_set *set, void **data)
{
	uint64_t numbers[2]; /* the bell may be one */
	int n = beget__poll_wait(set->epoll, numbers, 2, 0);

	for (int i = 0; i < n; i++) {
		if (numbers[i] == EMPTY)
			continue;
		struct beget_process *p =
			(struct beget_process *)(uintptr_t)numbers[i]; // NOLINT(performance-no-int-to-ptr)
		*data = p->in_set.data;
		leave(p);
		return p;
	}
	return NULL;
}

static void stop_waiting(void *set_)
{
	struct beget_set *set = set_;

	beget__forks_guard();
	if (--set->waiters == 0)
		beget__poll_silence(set->bell);
	beget__forks_unguard();
}

/* The only place where a wait can be cancelled. The lock is released meanwhile. */
static void sleep_until(struct beget_set *set, int64_t deadline, int cancel)
{
	struct pollfd fd = {.fd = set->epoll, .events = POLLIN};

	set->waiters++;
	beget__forks_unguard();
	pthread_cleanup_push(stop_waiting, set);
	beget__thread_cancel(cancel);
	(void)beget__fd_poll(&fd, 1, beget__clock_left_ms(deadline));
	(void)beget__thread_no_cancel();
	pthread_cleanup_pop(1);
	beget__forks_guard();
}

static int next(struct beget_set *set, int timeout_ms, struct beget_process **ret, void **data, int cancel)
{
	int64_t deadline = beget__clock_deadline(timeout_ms);

	for (;;) {
		bool last = beget__clock_left_ms(deadline) == 0;
		if (!set->first)
			return beget__fail(ENOENT, "there is no process in the set");
		if ((*ret = take(set, data)))
			return 0;
		if (last)
			return beget__fail(ETIMEDOUT, "none of the processes in the set has ended");
		sleep_until(set, deadline, cancel);
	}
}

int beget_set_next(struct beget_set *set, int timeout_ms, struct beget_process **ret, void **data)
{
	struct beget_process *p;
	void *its = NULL;
	int error = check(set, "wait for a process of a set");

	if (!error && !ret)
		error = beget__fail(EINVAL, "cannot wait for a process of a set: ret is NULL");
	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	beget__forks_guard();
	error = next(set, timeout_ms, &p, &its, cancel);
	beget__forks_unguard();
	if (!error) {
		*ret = p;
		if (data)
			*data = its;
	}
	beget__thread_cancel(cancel);
	return error;
}

int beget_set_sentinel(struct beget_set *set)
{
	int error = check(set, "get the sentinel of a set");

	return error ? error : set->epoll;
}

void beget_set_free(struct beget_set *set)
{
	if (!set)
		return;
	bool owned = set->owner == beget__self_pid();
	int cancel = beget__thread_no_cancel();
	beget__forks_guard();
	if (owned) { /* in a copy, the descriptors were closed at the fork */
		while (set->first)
			leave(set->first);
		beget__forks_unwatch(&set->forked);
		beget__fd_close(&set->epoll);
		beget__fd_close(&set->bell);
	}
	beget__forks_unguard();
	free(set);
	beget__thread_cancel(cancel);
}
