/* What is known of a process: updates its handle from the messages on its channel and from the kernel. Never waits.
 * Runs in the caller, in any thread. Of the start methods, it knows only whose child a process is. */
#include "caller/status.h"

#include "caller/fate.h"
#include "caller/sentinel.h"
#include "message/message.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* After the end of a process: how long its helper may take to report how, then the kernel to provide its record, or the
 * monitor to end what is left of the tree. */
enum { REPORT_MS = 250, RECORD_MS = 250, TREE_MS = 5000 };

/* Where zombies do not show how they ended, the helper reaps before it reports, and nothing else knows. */
enum { ONLY_REPORT_MS = 2000 };

static void take_born(struct beget_process *p, struct beget__frame *f)
{
	if (p->pid > 0 || !beget__report_get_born(f, &p->pid))
		return;
	p->pidfd = f->nfds == 1 ? beget__frame_take(f, 0) : -1;
	/* The reserved number was freed before the message came. The pid is the child's until the helper has reported
	 * the exit. */
	if (f->nfds == 1 && p->pidfd < 0)
		p->pidfd = beget__proc_pidfd_open(p->pid);
	if (p->pidfd < 0) {
		p->pidfd = -1;
		p->started = beget__proc_started(p->pid);
	}
	beget__sentinel_born(p);
	beget__trace("child %d exists", (int)p->pid);
}

static void take_sign(struct beget__reports *r, const struct beget__frame *f)
{
	enum beget__sign sign;

	if (!beget__report_get_sign(f, &sign))
		return;
	r->ready |= sign == BEGET__SIGN_READY;
	r->listens |= sign == BEGET__SIGN_LISTENS;
	r->tired |= sign == BEGET__SIGN_TIRED;
	r->beats++;
}

void beget__status_take(struct beget_process *p, struct beget__frame *f)
{
	struct beget__reports *r = &p->reports;

	if (beget__stash_put(&p->stash, &p->channel.in, f))
		return;
	switch (f->kind) {
	case BEGET__BORN: take_born(p, f); break;
	case BEGET__FAILED: r->has_failure |= beget__report_get_failed(f, &r->failure); break;
	case BEGET__RESULT: beget__promise_take(&p->promise, f, false); break;
	case BEGET__SIGN: take_sign(r, f); break;
	case BEGET__CRASHED: r->has_crash |= beget__report_get_crashed(f, &r->crash); break;
	case BEGET__ENDED: r->has_exit |= beget__report_get_ended(f, &r->exit); break;
	}
	beget__frame_clear(f);
}

/* Takes all messages that have come. The handle owns a received descriptor before a fork can copy it. */
static void take_all(struct beget_process *p)
{
	struct beget__frame *f;

	do {
		beget__forks_guard();
		f = beget__channel_receive(&p->channel);
		if (f)
			beget__status_take(p, f);
		beget__forks_unguard();
	} while (f);
}

/* Our own child without a pidfd is waited for: see fate.c. For a helper's child, a closed channel does not prove its
 * end, and neither does a helper that has ended or is stopped. */
bool beget__status_gone(const struct beget_process *p)
{
	struct pollfd pidfd = {.fd = p->pidfd, .events = POLLIN};

	if (p->pidfd < 0)
		return !p->ours && p->pid > 0 && beget__proc_gone(p->pid, p->started);
	return beget__fd_poll(&pidfd, 1, 0) > 0;
}

static int64_t record_until(const struct beget_process *p)
{
	return p->report_until + (p->tree ? TREE_MS : RECORD_MS);
}

int beget__status_linger_ms(const struct beget_process *p, int64_t now)
{
	int64_t until = p->record_due ? record_until(p) : p->report_until;

	return !p->ended && until > now ? (int)(until - now) : 0;
}

/* Explains an end before the call was read without a reported reason. end may be NULL. */
static void explain_unread(struct beget_process *p, const struct beget__exit *end)
{
	struct beget__failure *f = &p->reports.failure;
	bool early = (p->words || p->ours) && !beget__words_arrived(p->words);
	char words[160];

	beget__words_quote(p->words, words, sizeof(words));
	p->reports.has_failure = true;
	f->code = -ECONNRESET;
	if (end)
		snprintf(f->text, sizeof(f->text), "child: it exited with code %d before it read its call",
		         p->status.code);
	else
		snprintf(f->text, sizeof(f->text), "%s",
		         p->pid > 0 ? "child: it ended before it read its call, with an unknown status"
		                    : "helper: it ended before it created the process");
	if (early)
		snprintf(f->text + strlen(f->text), sizeof(f->text) - strlen(f->text), "%s%s", words[0] ? ": " : "",
		         words[0] ? words : "; perhaps beget_init is not the first statement of main");
}

/* True if there is no monitor left to be reaped. options: WNOHANG, or 0 where it is about to end. */
static bool reap_monitor(struct beget_process *p, int options)
{
	siginfo_t info;
	int error = -ECHILD;

	if (p->monitor > 0)
		error = beget__proc_wait(P_PID, (id_t)p->monitor, &info, WEXITED | options, NULL);
	if (error == -EINTR || (!error && info.si_pid == 0))
		return false;
	p->monitor = 0;
	return true;
}

/* end may be NULL: no source knows. */
static void finish(struct beget_process *p, const struct beget__exit *end)
{
	struct beget_status *s = &p->status;

	if (end)
		beget__fate_fill(end, s);
	else
		s->outcome = BEGET_LOST;
	if (p->channel.unread && !p->stash.pool && !p->reports.has_failure && s->outcome != BEGET_SIGNALED)
		explain_unread(p, end);
	if (p->reports.has_failure && s->outcome != BEGET_SIGNALED) {
		s->outcome = BEGET_FAILED;
		s->code = p->reports.failure.code;
	}
	if (s->outcome != BEGET_LOST && (s->outcome != BEGET_EXITED || s->code != 0))
		beget__promise_disbelieve(&p->promise);
	p->ended = true;
	beget__stash_ring(&p->stash);
	beget__inbox_free(&p->channel.in);
	beget__trace("ended %d: outcome %d, code %d", (int)p->pid, (int)s->outcome, s->code);
}

/* Only the helper can report on a process that was never created; it closes its end of the channel afterwards. */
static void update_unborn(struct beget_process *p)
{
	if (!p->channel.closed)
		return;
	finish(p, p->reports.has_exit ? &p->reports.exit : NULL);
	reap_monitor(p, 0);
}

/* Asks the sources. The last report before the channel closes is the helper's. An earlier one may be the child's own
 * invention, so it is not believed while another may come. */
static int find_fate(const struct beget_process *p, bool gone, bool patient, struct beget__exit *ret)
{
	struct beget__evidence e = {
		.pid = p->pid,
		.pidfd = p->pidfd,
		.ours = p->ours,
		.ended = gone,
		.report = p->reports.has_exit && !p->ours && !patient ? &p->reports.exit : NULL,
		.report_due = patient,
		.record_due = !p->report_until || beget__clock_now_ms() < p->report_until + RECORD_MS,
	};

	return beget__fate_find(&e, ret);
}

/* True if the helper's report may still come. Without pidfds, a report, a result or the closed channel announces the
 * end. */
static bool is_patient(struct beget_process *p, bool gone)
{
	bool announced = p->channel.closed || p->reports.has_exit || beget__promise_kept(&p->promise);

	if ((gone || (p->pidfd < 0 && announced)) && !p->report_until)
		p->report_until = beget__clock_now_ms() + (beget__proc_zombies_report() ? REPORT_MS : ONLY_REPORT_MS);
	return !p->ours && !p->channel.closed && beget__clock_now_ms() < p->report_until;
}

/* True if the monitor may still be killing what is left of the tree, or is a child of ours that has not ended. */
static bool is_monitored(struct beget_process *p)
{
	return (p->tree && !p->channel.closed) || !reap_monitor(p, WNOHANG);
}

void beget__status_update(struct beget_process *p)
{
	struct beget__exit end;

	if (p->ended) {
		reap_monitor(p, WNOHANG);
		return;
	}
	bool gone = beget__status_gone(p); /* check this first: then everything that the process wrote has arrived */
	take_all(p);
	/* The helper reports only processes that have ended. A report on a running process came from the child
	 * itself. */
	if (p->reports.has_exit && p->pidfd >= 0 && !gone)
		p->reports.has_exit = gone = beget__status_gone(p);
	if (p->pid == 0) {
		update_unborn(p);
		return;
	}
	bool patient = is_patient(p, gone), reported = p->reports.has_exit && !patient;
	int found = find_fate(p, gone, patient, &end);
	p->record_due = found == -EAGAIN && gone && !patient;
	if (found == -EAGAIN)
		return;
	take_all(p);
	if (p->reports.has_exit && !reported &&
	    !p->ours) /* it has come meanwhile, and contains more than the kernel's record */
		found = find_fate(p, gone, false, &end);
	p->record_due = is_monitored(p) && beget__clock_now_ms() < record_until(p);
	if (!p->record_due)
		finish(p, found ? NULL : &end);
}
