/* Requests of the program to a service: events and changes. Runs in the caller, in any thread. */
#include "os/clock.h"
#include "os/fd.h"
#include "os/poll.h"
#include "os/thread.h"
#include "service/life.h"
#include "service/news.h"
#include "service/staff.h"

#include <errno.h>
#include <unistd.h>

/* Every function begins and ends with these two. Between them the lock is held and the thread cannot be canceled. */
static int enter(struct beget_service *s, const char *what, int *cancel)
{
	if (!s)
		return beget__fail(EINVAL, "cannot %s: the service is NULL", what);
	if (s->owner != getpid())
		return beget__fail(
			ECHILD, "cannot %s: the service belongs to process %d, of which this process is a forked copy",
			what, (int)s->owner);
	*cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&s->lock);
	beget__life_forgive(s);
	return 0;
}

/* The caller's descriptor is readable if there is an event or something is due. */
static void show(struct beget_service *s)
{
	s->due = beget__life_due(s);
	beget__poll_timer_set(s->timer, beget__news_there(s) ? 1 : s->due);
}

static void leave(struct beget_service *s, int cancel)
{
	show(s);
	pthread_mutex_unlock(&s->lock);
	beget__thread_cancel(cancel);
}

static void work(struct beget_service *s)
{
	enum { MOST = 16 };
	uint64_t events[MOST];
	int64_t now = beget__clock_now_ms();
	int n;

	do {
		n = beget__poll_wait(s->epoll, events, MOST, 0);
		for (int i = 0; i < n; i++)
			beget__life_take_event(s, events[i], now);
	} while (n == MOST);
	beget__staff_work(s, now);
}

static void sleep_until(struct beget_service *s, int64_t deadline)
{
	struct pollfd news = {.fd = s->epoll, .events = POLLIN};

	show(s);
	pthread_mutex_unlock(&s->lock);
	(void)beget__fd_poll(&news, 1, beget__clock_left_ms(deadline));
	pthread_mutex_lock(&s->lock);
	beget__life_forgive(s);
}

static int await(struct beget_service *s, int64_t deadline, struct beget_service_event *ret)
{
	for (;;) {
		work(s);
		if (beget__news_take(s, ret))
			return 0;
		if (s->finished)
			return beget__fail(ENOENT, "the service has stopped");
		if (beget__clock_left_ms(deadline) == 0)
			return beget__fail(ETIMEDOUT, "the service has no event");
		sleep_until(s, deadline);
	}
}

int beget_service_next(struct beget_service *s, int timeout_ms, struct beget_service_event *ret)
{
	int cancel;
	int error = ret ? enter(s, "take an event", &cancel) : beget__fail(EINVAL, "cannot take an event: ret is NULL");

	if (error)
		return error;
	error = await(s, beget__clock_deadline(timeout_ms), ret);
	leave(s, cancel);
	return error;
}

int beget_service_sentinel(struct beget_service *s)
{
	int cancel;
	int error = enter(s, "get a sentinel", &cancel);

	if (error)
		return error;
	leave(s, cancel);
	return s->epoll;
}

int beget_service_scale(struct beget_service *s, unsigned children)
{
	int cancel;
	int error = enter(s, "scale", &cancel);

	if (error)
		return error;
	if (s->stopping) {
		error = beget__fail(ECANCELED, "cannot scale: the service is stopping");
	} else {
		s->wanted = children;
		s->most = children > s->most ? children : s->most;
		work(s);
	}
	leave(s, cancel);
	return error;
}

int beget_service_reload(struct beget_service *s, const struct beget_options *start, const struct beget_call *call)
{
	struct beget__edition *e = NULL;
	int cancel;
	int error = enter(s, "reload", &cancel);

	if (error)
		return error;
	if (s->stopping)
		error = beget__fail(ECANCELED, "cannot reload: the service is stopping");
	if (!error)
		error = beget__edition_new(&s->options, start ? start : s->current->start,
		                           call ? call : &s->current->call->call, &e);
	if (!error) {
		e->version = ++s->version;
		beget__staff_load(s, e);
		work(s);
	}
	leave(s, cancel);
	return error;
}

/* Succeeds if at least one child gets the signal. */
static int signal_children(const struct beget_service *s, pid_t pid, int signal)
{
	int error = beget__fail(ESRCH, "cannot signal: the service has no child %d", (int)pid);
	bool sent = false;

	for (struct beget__member *m = s->first; m; m = m->next) {
		if (m->stage == BEGET__GONE || m->pid <= 0 || (pid && m->pid != pid))
			continue;
		error = beget_kill(m->kept.process, signal);
		sent |= !error;
	}
	return sent ? 0 : error;
}

int beget_service_kill(struct beget_service *s, pid_t pid, int signal)
{
	int cancel;
	int error = enter(s, "signal", &cancel);

	if (error)
		return error;
	error = signal_children(s, pid, signal);
	leave(s, cancel);
	return error;
}

int beget_service_stop(struct beget_service *s, int grace_ms)
{
	int cancel;
	int error = enter(s, "stop", &cancel);

	if (error)
		return error;
	beget__staff_stop(s, grace_ms);
	work(s);
	leave(s, cancel);
	return 0;
}

static void count(const struct beget_service *s, struct beget_service_status *ret)
{
	*ret = s->counts;
	ret->wanted = s->wanted;
	ret->version = s->version;
	ret->reloading = s->next != NULL;
	for (const struct beget__member *m = s->first; m; m = m->next) {
		ret->starting += m->stage == BEGET__STARTING;
		ret->ready += m->stage == BEGET__SERVING;
		ret->finishing += m->stage == BEGET__FINISHING;
	}
}

int beget_service_status(struct beget_service *s, struct beget_service_status *ret)
{
	int cancel;
	int error =
		ret ? enter(s, "read the status", &cancel) : beget__fail(EINVAL, "cannot read the status: ret is NULL");

	if (error)
		return error;
	work(s);
	count(s, ret);
	leave(s, cancel);
	return 0;
}
