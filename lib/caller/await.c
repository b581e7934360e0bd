/* Waiting for processes, in rounds: read the state of all under their locks, poll the descriptors that report changes,
 * and look at the processes that have changed. Runs in the caller, in any thread. */
#include "caller/await.h"

#include "caller/status.h"
#include "os/clock.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/thread.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BRIEF_MS = 5,  /* for this time, only ends count */
	BLIND_MS = 20, /* the interval if no descriptor reports the end */
	RECORD_MS = 1, /* the interval while the kernel's record is due */
};

/* What is polled for one process; set up anew in each round. */
struct watched {
	unsigned char n; /* of descriptors: at most two */
	bool look;       /* look at the process even if its descriptors report nothing */
};

struct round {
	struct beget_process *const *ps;
	size_t n;
	enum beget__stage stage;
	int64_t deadline;    /* set by the user */
	int64_t brief_until; /* until then, only ends count */
	struct watched *watched;
	/* Only those that are polled: the kernel limits their number to that of the descriptors a process may have. */
	struct pollfd *fds;
	size_t polled;
	int timeout;  /* -1: none */
	bool lingers; /* a process has ended and its status is due: the user's deadline has to wait for it */
	void *memory;
};

static bool reached(const struct beget_process *p, enum beget__stage stage)
{
	return p->ended || (stage == BEGET__STAGE_BORN && p->pid > 0);
}

static void look_again(struct round *r, struct watched *w, int within_ms)
{
	w->look = true;
	if (r->timeout < 0 || r->timeout > within_ms)
		r->timeout = within_ms;
}

static void poll_too(struct round *r, struct watched *w, int fd, short events)
{
	r->fds[r->polled++] = (struct pollfd){.fd = fd, .events = events};
	w->n++;
}

/* The process has ended, and its helper's report or the kernel's record is awaited. No descriptor reports the
 * record. */
static void linger(struct round *r, struct watched *w, const struct beget_process *p, int left_ms)
{
	r->lingers = true;
	if (p->record_due || p->channel.closed) {
		look_again(r, w, RECORD_MS);
		if (!p->channel.closed)
			poll_too(r, w, p->channel.fd, 0); /* POLLHUP */
		return;
	}
	/* A report that has arrived is believed once the channel closes. If another process holds it open, ask the
	 * kernel soon. */
	look_again(r, w, p->reports.has_exit && left_ms > BRIEF_MS ? BRIEF_MS : left_ms);
	poll_too(r, w, p->channel.fd, POLLIN);
}

/* Many processes end soon: at first poll only for the end, because each message would wake this thread for nothing. */
static bool poll_end_only(struct round *r, struct watched *w, const struct beget_process *p)
{
	if (p->ours ? p->pidfd < 0 : p->channel.closed)
		return false;
	if (p->ours)
		poll_too(r, w, p->pidfd, POLLIN);
	else
		poll_too(r, w, p->channel.fd, 0); /* POLLHUP */
	return true;
}

static void watch(struct round *r, struct watched *w, const struct beget_process *p, int64_t now)
{
	int left_ms = beget__status_linger_ms(p, now);

	if (left_ms > 0) {
		linger(r, w, p, left_ms);
		return;
	}
	bool blind = p->pidfd < 0; /* another thread may receive the message that brings the pidfd */
	if (r->brief_until > now && poll_end_only(r, w, p)) {
		w->look = blind;
		if (r->timeout < 0 || r->timeout > r->brief_until - now)
			r->timeout = (int)(r->brief_until - now);
		return;
	}
	if (!p->channel.closed)
		poll_too(r, w, p->channel.fd, POLLIN);
	if (p->pidfd >= 0)
		poll_too(r, w, p->pidfd, POLLIN);
	if (blind)
		look_again(r, w, BLIND_MS);
}

/* Finds out what to wait for, or returns the index of a process that has reached the stage. */
static int survey(struct round *r)
{
	int64_t now = beget__clock_now_ms();

	r->timeout = -1;
	r->lingers = false;
	r->polled = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct beget_process *p = r->ps[i];
		r->watched[i] = (struct watched){0};
		if (!p)
			continue;
		pthread_mutex_lock(&p->lock);
		bool enough = reached(p, r->stage);
		if (!enough)
			watch(r, &r->watched[i], p, now);
		pthread_mutex_unlock(&p->lock);
		if (enough)
			return (int)i;
	}
	int left = beget__clock_left_ms(r->deadline);
	if (!r->lingers && left >= 0 && (r->timeout < 0 || r->timeout > left))
		r->timeout = left;
	return -ETIMEDOUT;
}

/* Looks only at processes that have changed, because a look costs more than a poll. */
static void look(const struct round *r)
{
	const struct pollfd *fd = r->fds;

	for (size_t i = 0; i < r->n; i++) {
		bool news = r->watched[i].look;
		for (unsigned k = 0; k < r->watched[i].n; k++)
			news |= (fd++)->revents != 0;
		if (!news)
			continue;
		pthread_mutex_lock(&r->ps[i]->lock);
		beget__status_update(r->ps[i]);
		pthread_mutex_unlock(&r->ps[i]->lock);
	}
}

/* The descriptors of a process stay open while a thread waits for it. */
static int enter(struct round *r)
{
	if (r->n > 0 && !r->watched) {
		r->memory = beget__mem_alloc(r->n * (2 * sizeof(*r->fds) + sizeof(*r->watched)));
		if (!r->memory)
			return beget__fail_errno(ENOMEM, "cannot wait for %zu processes", r->n);
		r->fds = r->memory;
		r->watched = (struct watched *)(r->fds + 2 * r->n);
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->ps[i])
			r->ps[i]->waiters++;
	return 0;
}

static void leave(void *round)
{
	struct round *r = round;

	for (size_t i = 0; i < r->n; i++)
		if (r->ps[i])
			r->ps[i]->waiters--;
	free(r->memory);
}

/* The only place where a wait can be cancelled: no lock is held. The caller looks again even after an interruption. */
static void poll_cancellable(struct round *r, int cancel)
{
	pthread_cleanup_push(leave, r);
	beget__thread_cancel(cancel);
	(void)beget__fd_poll(r->fds, r->polled, r->timeout);
	(void)beget__thread_no_cancel();
	pthread_cleanup_pop(0);
}

static int wait_in_rounds(struct round *r, int cancel)
{
	for (bool expired = false;;) {
		int index = survey(r);
		if (index >= 0 || (expired && !r->lingers))
			return index;
		expired = r->timeout == 0 && !r->lingers; /* this look may find that a process lingers */
		poll_cancellable(r, cancel);
		look(r);
	}
}

int beget__await_stage(struct beget_process *const *ps, size_t n, enum beget__stage stage, int timeout_ms, int cancel)
{
	enum { FEW = 4 };
	struct pollfd fds[2 * FEW];
	struct watched watched[FEW];
	struct round r = {.ps = ps, .n = n, .stage = stage, .deadline = beget__clock_deadline(timeout_ms)};

	if (stage == BEGET__STAGE_ENDED && timeout_ms != 0)
		r.brief_until = beget__clock_deadline(timeout_ms > 0 && timeout_ms < BRIEF_MS ? timeout_ms : BRIEF_MS);
	if (n <= FEW) {
		r.fds = fds;
		r.watched = watched;
	}
	int result = enter(&r);
	if (result)
		return result;
	result = wait_in_rounds(&r, cancel);
	leave(&r);
	return result;
}
