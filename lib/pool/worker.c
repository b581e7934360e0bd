/* One worker: started, given tasks, received from, withdrawn from, ended. It runs its tasks one after another, so its
 * answers arrive in the order of its tasks. A worker that sends anything else is killed.
 * Runs in the caller, under the lock of the pool. */
#include "pool/worker.h"

#include "caller/port.h"
#include "caller/start.h"
#include "message/message.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* The number of the prepare call; tasks have higher ones. */
enum { PREPARE = 1 };

/* Creates the memory for claims: the worker gets its file, and the caller keeps only the mapping. */
static int make_claims(struct beget__worker *w)
{
	void *at = NULL;
	int fd = beget__file_create(sizeof(*w->claims));

	if (fd < 0)
		return beget__fail_errno(-fd, "cannot create the memory that is shared with a worker");
	int error = beget__file_size(fd, sizeof(*w->claims));
	if (!error)
		error = beget__file_map_shared(fd, sizeof(*w->claims), &at);
	if (error) {
		beget__fd_close(&fd);
		return beget__fail_errno(-error, "cannot create the memory that is shared with a worker");
	}
	w->claims = at;
	return fd;
}

int beget__worker_start(struct beget__worker **ret, struct beget_pool *pool, int bell,
                        const struct beget_options *options, struct beget__parcel *prepare)
{
	struct beget__worker *w = beget__mem_alloc(sizeof(*w));

	if (!w)
		return beget__fail_errno(ENOMEM, "cannot start a worker");
	int fd = make_claims(w);
	int error = fd < 0 ? fd : beget__start_worker(&w->kept.process, options, fd);
	if (fd >= 0)
		beget__fd_close(&fd);
	if (!error)
		beget__port_open(w->kept.process, pool, bell);
	if (!error && prepare) {
		w->preparing = true;
		beget__claim_offer(w->claims, PREPARE);
		error = beget__parcel_send(prepare, beget__port_socket(w->kept.process), PREPARE);
		if (error == -EPIPE || error == -ECONNRESET) /* its end explains why */
			error = 0;
		if (error)
			beget__fail_errno(-error, "cannot send the prepare call");
	}
	if (error) {
		beget__worker_free(w, true);
		return error;
	}
	w->last = PREPARE;
	w->head_since = beget__clock_now_ms();
	*ret = w;
	return 0;
}

bool beget__worker_ready(const struct beget__worker *w)
{
	return w->waits && !w->preparing && !w->retiring;
}

size_t beget__worker_depth(const struct beget__worker *w)
{
	enum { LEAST = 2, UNKNOWN = 32, AHEAD_NS = 32000000 };
	uint64_t mean = beget__claim_mean(w->claims);
	uint64_t n = mean ? AHEAD_NS / mean : UNKNOWN;

	return n < LEAST ? LEAST : n > BEGET__CLAIMS ? BEGET__CLAIMS : (size_t)n;
}

bool beget__worker_send(struct beget__worker *w, struct beget_task *t)
{
	uint32_t number = w->last + 1;

	if (w->sent.first && number - w->sent.first->number >= BEGET__CLAIMS)
		return false;
	beget__claim_offer(w->claims, number);
	if (beget__parcel_send(&t->parcel, beget__port_socket(w->kept.process), number))
		return false; /* the socket is full, or the worker has ended and will be looked at */
	w->last = number;
	if (w->sent.n == 0)
		w->head_since = beget__clock_now_ms();
	t->number = number;
	t->worker = w;
	t->stage = BEGET__SENT;
	beget__task_append(&w->sent, t);
	return true;
}

static void take_off(struct beget__worker *w, struct beget_task *t)
{
	beget__task_remove(&w->sent, t);
	t->worker = NULL;
	t->stage = BEGET__WAITING;
}

bool beget__worker_withdraw(struct beget__worker *w, struct beget_task *t)
{
	if (!beget__claim_withdraw(w->claims, t->number))
		return false;
	take_off(w, t);
	return true;
}

struct beget_task *beget__worker_running(const struct beget__worker *w)
{
	struct beget_task *first = w->sent.first;

	return first && beget__claim_begun(w->claims, first->number) ? first : NULL;
}

static void strike(struct beget__worker *w)
{
	w->struck = beget__port_look(w->kept.process).born;
	if (w->struck)
		(void)beget_kill(w->kept.process, SIGKILL);
}

/* A worker that has not been born cannot be signaled, and its helper may be stopped: it is killed when its birth is
 * reported, unless it has read the end of its channel before. */
void beget__worker_kill(struct beget__worker *w)
{
	w->retiring = w->killed = true;
	beget__port_shut(w->kept.process);
	strike(w);
}

void beget__worker_retire(struct beget__worker *w)
{
	w->retiring = true;
	if (w->sent.n == 0)
		beget__port_shut(w->kept.process);
}

/* The answer to the prepare call: as with a server, a negative number is a failure. */
static int verdict(const struct beget__answer *a)
{
	long long value = a->type == BEGET_TYPE_INT     ? a->value.i
	                  : a->type == BEGET_TYPE_LONG  ? a->value.l
	                  : a->type == BEGET_TYPE_LLONG ? a->value.ll
	                                                : 0;

	if (value >= 0)
		return 0;
	return value < -1 && value > -4096 ? beget__fail_errno((int)-value, "it returned %lld", value)
	                                   : beget__fail(EINVAL, "it returned %lld", value);
}

static void prepared(struct beget__worker *w, struct beget__frame *f)
{
	struct beget__answer answer;

	w->preparing = false;
	if (f->kind == BEGET__FAILED) {
		if (!beget__report_get_failed(f, &w->failure))
			w->failure.code = -EBADMSG;
	} else if (!beget__order_get_result(f, &answer) || verdict(&answer)) {
		w->failure = *beget__fail_last();
	}
	if (w->failure.code)
		beget__worker_retire(w);
}

/* A task has been answered: records its outcome. */
static void answered(struct beget_task *t, struct beget__frame *f)
{
	struct beget__failure failure;

	if (f->kind == BEGET__FAILED && beget__report_get_failed(f, &failure)) {
		beget__task_end(t, BEGET_FAILED, failure.code, &failure);
		return;
	}
	beget__promise_take(&t->promise, f, true);
	if (beget__promise_kept(&t->promise)) {
		beget__task_end(t, BEGET_EXITED, 0, NULL);
	} else {
		beget__fail(EBADMSG, "cannot understand the worker's answer");
		beget__task_end(t, BEGET_FAILED, -EBADMSG, beget__fail_last());
	}
}

/* False if the frame is invalid. */
static bool make_sense(struct beget__worker *w, struct beget__frame *f)
{
	struct beget_task *first = w->sent.first;

	if (f->kind == BEGET__WAITS && !w->waits)
		return w->waits = true;
	if (w->preparing && f->tag == PREPARE && f->kind != BEGET__EXPIRED) {
		prepared(w, f);
		return true;
	}
	if (!first || f->tag != first->number)
		return false;
	if (f->kind == BEGET__EXPIRED)
		return first->expired = true;
	beget__task_remove(&w->sent, first);
	answered(first, f);
	beget__task_append(&w->news->ended, first);
	w->done++;
	w->head_since = beget__clock_now_ms();
	return true;
}

static bool take(void *data, struct beget__frame *f)
{
	struct beget__worker *w = data;

	if (!make_sense(w, f))
		w->mad = true;
	return !w->mad && (w->sent.n > 0 || !beget__worker_ready(w)); /* otherwise nothing more can come */
}

bool beget__worker_receive(struct beget__worker *w, struct beget__news *news)
{
	w->news = news;
	bool open = beget__port_receive(w->kept.process, take, w);
	if (w->mad && !w->killed)
		beget__worker_kill(w);
	if (w->killed && !w->struck)
		strike(w);
	if (w->retiring && w->sent.n == 0)
		beget__port_shut(w->kept.process);
	return open;
}

/* A stopped worker cannot report that its limit has expired. */
static bool has_expired(const struct beget__worker *w, const struct beget_task *t)
{
	return t->expired || (t->limit_ms && w->ended_at && w->ended_at - w->head_since >= t->limit_ms);
}

/* The running task gets the outcome of its worker. */
static void end_with_worker(const struct beget__worker *w, struct beget_task *t, const struct beget_status *s)
{
	bool expired = s->outcome == BEGET_SIGNALED && s->code == SIGKILL && has_expired(w, t);

	t->status = *s;
	beget__task_end(t, expired ? BEGET_TIMED_OUT : s->outcome, s->code, NULL);
}

bool beget__worker_ended(struct beget__worker *w, struct beget__news *news)
{
	struct beget_status status;

	int error = beget_join(w->kept.process, 0, &status);
	if (error)
		return false;
	beget__worker_receive(w, news); /* receives what it sent before its end */
	for (struct beget_task *t; (t = w->sent.first);) {
		bool begun = beget__claim_begun(w->claims, t->number);
		take_off(w, t);
		if (begun && t->retries == 0) {
			end_with_worker(w, t, &status);
			beget__task_append(&news->ended, t);
			continue;
		}
		t->retries -= begun;
		t->expired = false;
		beget__task_append(&news->unbegun, t);
	}
	if (!w->failure.code && (!w->waits || w->preparing))
		w->failure = beget__port_failure(w->kept.process);
	return true;
}

void beget__worker_free(struct beget__worker *w, bool with_process)
{
	if (with_process)
		beget_free(w->kept.process);
	beget__file_unmap(w->claims, sizeof(*w->claims));
	free(w);
}
