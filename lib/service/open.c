/* Opens and closes services. Runs in the caller, in any thread. */
#include "service/service.h"

#include "caller/await.h"
#include "caller/options.h"
#include "os/cpu.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/poll.h"
#include "os/thread.h"
#include "service/staff.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Defaults of the options; and how long a killed child may take to end. */
enum { BOOTS = 5, HEALTHY_MS = 1000, BACKOFF_MS = 100, BACKOFF_MAX_MS = 10000, GRACE_MS = 10000, LAST_MS = 2000 };

/* In a forked copy of the process. A child that is being started needs the descriptors of its call. */
static void release(struct beget__forked *forked)
{
	const struct beget_service *s = (const struct beget_service *)forked;

	beget__fd_close_number(s->epoll);
	beget__fd_close_number(s->timer);
	if (s->starting && beget__forks_started())
		return;
	if (s->current)
		beget__edition_release(s->current);
	if (s->next)
		beget__edition_release(s->next);
	for (const struct beget__edition *e = s->old; e; e = e->next)
		beget__edition_release(e);
}

static int check(const struct beget_service_options *given, struct beget_service_options *o)
{
	const unsigned known = BEGET_SERVICE_UNTIED | BEGET_SERVICE_ONE_BY_ONE;
	const size_t least = offsetof(struct beget_service_options, flags) + sizeof(o->flags);

	int error = beget__options_copy(o, sizeof(*o), given, least, "BEGET_SERVICE_OPTIONS");
	if (error)
		return error;
	if (o->flags & ~known)
		return beget__fail(EINVAL, "unknown flags 0x%x", o->flags & ~known);
	if ((unsigned)o->restart > BEGET_RESTART_NEVER)
		return beget__fail(EINVAL, "unknown value of restart: %u", (unsigned)o->restart);
	if (o->healthy_ms < 0 || o->backoff_ms < 0 || o->backoff_max_ms < 0 || o->lifetime_ms < 0 ||
	    o->heartbeat_ms < 0)
		return beget__fail(EINVAL, "a time in the options is negative");
	o->children = o->children ? o->children : beget__cpu_count();
	o->boots = o->boots ? o->boots : BOOTS;
	o->recycled = o->recycled ? o->recycled : 1;
	o->healthy_ms = o->healthy_ms ? o->healthy_ms : HEALTHY_MS;
	o->backoff_ms = o->backoff_ms ? o->backoff_ms : BACKOFF_MS;
	o->backoff_max_ms = o->backoff_max_ms ? o->backoff_max_ms : BACKOFF_MAX_MS;
	o->grace_ms = o->grace_ms ? o->grace_ms : GRACE_MS;
	return 0;
}

static int open_descriptors(struct beget_service *s)
{
	beget__forks_guard();
	s->epoll = beget__poll_create();
	s->timer = beget__poll_timer();
	int error = s->epoll < 0 ? s->epoll : s->timer < 0 ? s->timer : 0;
	if (!error)
		error = beget__poll_add(s->epoll, s->timer, BEGET__SERVICE_TIMER);
	beget__forks_watch(&s->forked);
	beget__forks_unguard();
	return error ? beget__fail_errno(-error, "cannot open a service") : 0;
}

static void destroy(struct beget_service *s)
{
	beget__forks_guard();
	beget__forks_unwatch(&s->forked);
	beget__fd_close(&s->epoll);
	beget__fd_close(&s->timer);
	beget__forks_unguard();
	for (struct beget__member *m; (m = s->first);) {
		s->first = m->next;
		beget__member_free(m);
	}
	for (struct beget__edition *e; (e = s->old);) {
		s->old = e->next;
		beget__edition_free(e);
	}
	if (s->next)
		beget__edition_free(s->next);
	if (s->current)
		beget__edition_free(s->current);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int beget_service_open(struct beget_service **ret, const struct beget_service_options *options,
                       const struct beget_call *call)
{
	struct beget_service_options o;

	int error = ret ? check(options, &o) : beget__fail(EINVAL, "cannot open a service: ret is NULL");
	if (error)
		return error;
	struct beget_service *s = beget__mem_alloc(sizeof(*s));
	if (!s)
		return beget__fail_errno(ENOMEM, "cannot open a service");
	s->options = o;
	s->forked.release = release;
	s->owner = getpid();
	s->last = &s->first;
	s->wanted = s->most = o.children;
	pthread_mutex_init(&s->lock, NULL);
	error = open_descriptors(s);
	if (!error)
		error = beget__edition_new(&o, o.start, call, &s->current);
	if (error) {
		destroy(s);
		return error;
	}
	s->version = s->current->version = 1;
	beget__poll_timer_set(s->timer, 1); /* the first children are due */
	*ret = s;
	return 0;
}

/* Also those that are not born yet. A helper that is stopped delays this only for a limited time. */
static void kill_children(const struct beget_service *s)
{
	for (const struct beget__member *m = s->first; m; m = m->next) {
		struct beget_process *p = m->kept.process;
		if (m->stage == BEGET__GONE ||
		    beget__await_stage(&p, 1, BEGET__STAGE_BORN, LAST_MS, PTHREAD_CANCEL_DISABLE) < 0)
			continue;
		beget__member_kill(m);
		(void)beget_join(p, LAST_MS, NULL);
	}
}

void beget_service_close(struct beget_service *s)
{
	if (!s || s->owner != getpid())
		return;
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&s->lock);
	beget__staff_stop(s, 0);
	kill_children(s);
	pthread_mutex_unlock(&s->lock);
	destroy(s);
	beget__thread_cancel(cancel);
}
