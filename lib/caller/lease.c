/* Leases of a helper: while a thread has one, the helper is not replaced. A thread that finds no helper that can
 * provide the wanted state launches another. Runs in the caller. */
#include "caller/lease.h"

#include "caller/launching.h"
#include "os/fail.h"
#include "os/poll.h"
#include "os/trace.h"

#include <errno.h>

/* Of an adopted helper, only the state that its children are born with is read, once. */
static int meet(struct beget__connection *s)
{
	struct beget__control *c = s->control;
	int error = 0;

	if (c->fd >= 0 && c->adopted && !c->met) {
		error = beget__state_read_birth(c->helper, &s->born);
		c->met = !error;
	}
	return error;
}

static bool usable(struct beget__connection *s, const struct beget__state *now)
{
	const struct beget__control *c = s->control;
	const char *beyond;

	if (c->fd < 0 || c->gone || s->launching || !(c->adopted ? c->met : s->host == beget__connection_is_host(s)))
		return false;
	if (now && (beyond = beget__state_beyond(now, &s->born))) {
		beget__trace("helper %d cannot provide %s", (int)s->control->helper, beyond);
		return false;
	}
	return true;
}

static int replace(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	struct beget__state fresh;

	bool lazy = s->lazy;
	int error = s->launching ? beget__launching_go_on(s, NULL, wait) : meet(s);
	if (error ? s->lazy == lazy : usable(s, now))
		return error;
	if (!now) {
		error = beget__state_read(&fresh);
		if (error)
			return error;
		now = &fresh;
	}
	beget__connection_drop(s);
	return beget__launching_go_on(s, now, wait);
}

/* What the sentinel of the server shows: the next reply, the deadline of the preparation, or that there is a result. If
 * the reply cannot be watched, the caller looks again at once. */
static void show(struct beget__connection *s)
{
	if (s->poll < 0)
		return;
	int error = s->launching ? beget__poll_add(s->poll, s->progress.channel, 0) : -ENOENT;
	bool watched = !error || error == -EEXIST;
	beget__poll_timer_set(s->timer, watched ? s->progress.deadline : 1);
}

int beget__lease_prepare(struct beget__connection *s)
{
	if (pthread_rwlock_trywrlock(&s->lock)) /* a start has it, or waits for it */
		return -EAGAIN;
	if (!s->launching)
		(void)beget__connection_lives(s);
	int error = replace(s, NULL, false);
	show(s);
	pthread_rwlock_unlock(&s->lock);
	return error;
}

int beget__lease_watch(struct beget__connection *s)
{
	beget__forks_guard();
	s->poll = beget__poll_create();
	s->timer = beget__poll_timer();
	beget__forks_unguard();
	int error = s->poll < 0 ? s->poll : s->timer < 0 ? s->timer : beget__poll_add(s->poll, s->timer, 0);
	return error ? beget__fail_errno(-error, "cannot make the descriptor of the server") : 0;
}

int beget__lease_enter(struct beget__connection *s, const struct beget__state *wanted, struct beget__view *ret)
{
	pthread_rwlock_rdlock(&s->lock);
	while (!usable(s, wanted)) {
		pthread_rwlock_unlock(&s->lock);
		pthread_rwlock_wrlock(&s->lock);
		int error = replace(s, wanted, true);
		show(s);
		pthread_rwlock_unlock(&s->lock);
		if (error)
			return error;
		pthread_rwlock_rdlock(&s->lock);
	}
	*ret = (struct beget__view){&s->born, s->control->adopted ? NULL : &s->launched, s->generation};
	return 0;
}

bool beget__lease_enter_now(struct beget__connection *s, struct beget__view *ret)
{
	if (pthread_rwlock_tryrdlock(&s->lock))
		return false;
	if (!usable(s, NULL)) {
		pthread_rwlock_unlock(&s->lock);
		return false;
	}
	*ret = (struct beget__view){&s->born, s->control->adopted ? NULL : &s->launched, s->generation};
	return true;
}

void beget__lease_leave(struct beget__connection *s)
{
	pthread_rwlock_unlock(&s->lock);
}
