/* What comes over a process's channel, and what became of it: a handle brought up to date. Never waits.
 * Runs in the caller, in any thread. Knows no start method beyond whose child a process is. */
#include "caller/channel.h"

#include "caller/fate.h"
#include "caller/process.h"
#include "message/message.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE_MS = 250 }; /* how long after the end of a process its helper may take to say how */

static void take_born(struct beget_process *p, struct beget__frame *f)
{
	if (!beget__report_get_born(f, &p->pid))
		return;
	p->pidfd = f->nfds == 1 ? beget__frame_take(f, 0) : -1;
	/* Its place was taken between our letting go and the message: until the helper has said that the child ended,
	 * the pid is the child's. */
	if (f->nfds == 1 && p->pidfd < 0)
		p->pidfd = beget__proc_pidfd_open(p->pid);
	if (p->pidfd < 0) {
		p->pidfd = -1;
		p->started = beget__proc_started(p->pid);
	}
	beget__trace("born %d", (int)p->pid);
}

/* A child that was overrun by its own target could send anything. */
static bool as_promised(const struct beget_process *p, struct beget__answer answer)
{
	bool fits = answer.type == p->promise.result && answer.outs == p->promise.n &&
	            (answer.type != BEGET_TYPE_STRUCT || answer.size == p->promise.size);
	size_t size;

	for (uint32_t i = 0; i < p->promise.n && fits; i++)
		fits = beget__order_next_out(&answer, &size) && size == p->promise.outs[i].size;
	return fits;
}

static void take_result(struct beget_process *p, struct beget__frame *f)
{
	struct beget__answer answer;

	if (p->has_result || !beget__order_get_result(f, &answer))
		return;
	int fd = answer.type == BEGET_TYPE_BUFFER && answer.size > 0 ? answer.value.fd.fd : -1;
	if (!as_promised(p, answer)) { /* nothing of it is kept: there may be thousands */
		beget__fd_close(&fd);
		return;
	}
	p->answer = answer;
	p->has_result = true;
	p->result_fd = fd;
	if (answer.type == BEGET_TYPE_BUFFER)
		p->answer.value.buffer = NULL;
	if (p->answer.outs > 0 || p->answer.type == BEGET_TYPE_STRING || p->answer.type == BEGET_TYPE_BYTES ||
	    p->answer.type == BEGET_TYPE_STRUCT) {
		p->result_in = p->in;
		p->in = NULL;
	}
}

static void take_message(struct beget_process *p, struct beget__frame *f)
{
	if (f->kind == BEGET__BORN && p->pid == 0)
		take_born(p, f);
	else if (f->kind == BEGET__FAILED)
		p->has_failure |= beget__report_get_failed(f, &p->failure);
	else if (f->kind == BEGET__RESULT)
		take_result(p, f);
	else if (f->kind == BEGET__CRASHED)
		p->has_crash |= beget__report_get_crashed(f, &p->crash);
	else if (f->kind == BEGET__ENDED)
		p->has_word |= beget__report_get_ended(f, &p->word);
	if (p->in)
		beget__frame_clear(f);
}

static struct beget__inbox *new_inbox(void)
{
	struct beget__inbox *in = beget__mem_alloc_unset(sizeof(*in));

	if (in) {
		beget__frame_init(&in->frame, in->buffer, &in->between);
		beget__frame_init(&in->between, in->between_buffer, NULL);
	}
	return in;
}

/* False too if nothing more will come: a child that says nothing before its end takes no inbox. */
static bool has_news(struct beget_process *p)
{
	struct pollfd ready = {.fd = p->channel, .events = POLLIN};

	if (beget__fd_poll(&ready, 1, 0) <= 0)
		return false;
	p->closed = (ready.revents & POLLHUP) && !(ready.revents & POLLERR) && beget__sock_unread(p->channel) == 0;
	return !p->closed;
}

/* Takes all that has come; never waits. */
static void drain(struct beget_process *p)
{
	while (!p->closed) {
		if ((!p->in || p->reserve >= 0) && !has_news(p))
			return;
		if (!p->in && !(p->in = new_inbox()))
			return; /* the next look tries again */
		beget__forks_guard();
		beget__fd_close(&p->reserve); /* the place for the descriptor that comes with BORN */
		int got = beget__frame_receive(p->channel, &p->in->frame, MSG_DONTWAIT);
		if (got == 1 || got == -EMFILE)
			take_message(p, &p->in->frame);
		else if (got == 2)
			take_message(p, &p->in->between);
		beget__forks_unguard();
		if (got == -EAGAIN)
			return;
		if (got == -ECONNRESET) {
			p->call_unread = true; /* reported once, before what is still in the queue */
			continue;
		}
		if (got < 0 && p->in)
			beget__frame_clear(&p->in->frame); /* garbage: the kernel will tell what became of it */
		if (got == -ENOMEM)
			return; /* the next look tries again */
		if (got <= 0 && got != -EBADMSG && got != -EMFILE)
			p->closed = true;
	}
}

/* Our own child without a pidfd is waited for: see status.c. A helper's child may have closed its channel, and its
 * helper may be gone or stopped: neither is its end. */
bool beget__channel_seen_ended(const struct beget_process *p)
{
	struct pollfd pidfd = {.fd = p->pidfd, .events = POLLIN};

	if (p->pidfd < 0)
		return !p->ours && p->pid > 0 && beget__proc_gone(p->pid, p->started);
	return beget__fd_poll(&pidfd, 1, 0) > 0;
}

static void finish(struct beget_process *p, const struct beget__exit *end)
{
	if (end)
		beget__fate_fill(end, &p->status);
	else
		p->status.outcome = BEGET_LOST;
	if (p->call_unread && !p->has_failure && !(end && p->status.outcome == BEGET_SIGNALED)) {
		p->has_failure = true;
		p->failure.code = -ECONNRESET;
		if (end)
			snprintf(p->failure.text, sizeof(p->failure.text),
			         "child: it exited with code %d before it read its call: is beget_init the first "
			         "statement of its main?",
			         p->status.code);
		else
			snprintf(p->failure.text, sizeof(p->failure.text), "%s",
			         p->pid > 0 ? "child: it ended, nobody can tell how, before it read its call"
			                    : "helper: it ended before it made the process");
	}
	if (p->has_failure && p->status.outcome != BEGET_SIGNALED) {
		p->status.outcome = BEGET_FAILED;
		p->status.code = p->failure.code;
	}
	if (p->has_result && p->status.outcome != BEGET_LOST &&
	    (p->status.outcome != BEGET_EXITED || p->status.code != 0))
		p->has_result = false;
	p->ended = true;
	beget__process_free_inbox(&p->in);
	beget__trace("ended %d: outcome %d, code %d", (int)p->pid, (int)p->status.outcome, p->status.code);
}

void beget__channel_look(struct beget_process *p)
{
	struct beget__exit end;

	if (p->ended)
		return;
	bool gone = beget__channel_seen_ended(p); /* before the drain: what it wrote is there then */
	drain(p);
	/* The helper speaks of those alone that have ended. One that has not says it of itself. */
	if (p->has_word && !gone && p->pidfd >= 0 && !(gone = beget__channel_seen_ended(p)))
		p->has_word = false;
	if (p->pid == 0) { /* only the helper can tell, and it closes its end after it has */
		if (p->closed)
			finish(p, p->has_word ? &p->word : NULL);
		return;
	}
	/* Without pidfds, a word of it, a result or the closed channel promises the end. */
	bool promised = gone || (p->pidfd < 0 && (p->closed || p->has_result || p->has_word));
	if (promised && !p->patient_until)
		p->patient_until = beget__clock_now_ms() + PATIENCE_MS;
	bool patient = !p->closed && beget__clock_now_ms() < p->patient_until;
	struct beget__evidence e = {
		.pid = p->pid,
		.pidfd = p->pidfd,
		.ours = p->ours,
		.ended = gone,
		.patient = patient,
		/* The last before the channel closes is the helper's; one before it may be of the child itself. */
		.word = p->has_word && !p->ours && !patient ? &p->word : NULL,
	};
	int found = beget__fate_find(&e, &end);
	if (found == -EAGAIN)
		return;
	drain(p);
	if (p->has_word && !e.word && !p->ours) { /* it came between; the kernel's record tells less */
		e.word = &p->word;
		found = beget__fate_find(&e, &end);
	}
	finish(p, found ? NULL : &end);
}
