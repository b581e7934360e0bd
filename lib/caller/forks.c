/* Forks of the host: the only place with fork handlers, and the list of all objects that hold descriptors.
 * Runs in the caller and, for release, in its forked copies. Does not know whose descriptors they are. */
#include "caller/forks.h"

#include "os/libc.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = BEGET__LIBC_RECURSIVE_MUTEX;
static struct beget__forked *first;
static _Thread_local const struct beget__forked *started;

static void prepare(void)
{
	pthread_mutex_lock(&lock);
}

static void parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* The objects stay allocated in the copy, because the program may free them. */
static void child(void)
{
	struct beget__forked *f = first;

	lock = (pthread_mutex_t)BEGET__LIBC_RECURSIVE_MUTEX;
	first = NULL;
	while (f) {
		struct beget__forked *next = f->next;
		f->release(f);
		f = next;
	}
	started = NULL;
}

/* Register before the program can register handlers. Handlers before a fork run in reverse order, so the program takes
 * its locks first; it may call the library while it holds such a lock. */
__attribute__((constructor(101))) static void at_load(void)
{
	pthread_atfork(prepare, parent, child);
}

void beget__forks_guard(void)
{
	pthread_mutex_lock(&lock);
}

void beget__forks_unguard(void)
{
	pthread_mutex_unlock(&lock);
}

void beget__forks_watch(struct beget__forked *f)
{
	f->next = first;
	f->link = &first;
	if (f->next)
		f->next->link = &f->next;
	first = f;
}

void beget__forks_unwatch(struct beget__forked *f)
{
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
}

void beget__forks_start(const struct beget__forked *f)
{
	started = f;
}

const struct beget__forked *beget__forks_started(void)
{
	return started;
}
