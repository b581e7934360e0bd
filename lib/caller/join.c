/* Waiting for processes, and the calls that ask for one: its end, its result, its pid.
 * Runs in the caller, in any thread. Knows no start method beyond whose child a process is. */
#include "call/buffer.h"
#include "call/type.h"
#include "caller/channel.h"
#include "caller/process.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For how long nothing but the end is awaited; how often to look where no descriptor tells. */
enum { BRIEF_MS = 5, BLIND_POLL_MS = 20 };

/* What the target left in memory that comes back is copied there once, and only after a good end. */
static void keep_promise(struct beget_process *p)
{
	struct beget__answer answer = p->answer;
	size_t size;

	if (!p->has_result || p->promise.kept || p->status.outcome != BEGET_EXITED)
		return;
	p->promise.kept = true;
	for (uint32_t i = 0; i < p->promise.n; i++) {
		const void *out = beget__order_next_out(&answer, &size);
		memcpy(p->promise.outs[i].to, out, size);
	}
}

static bool settled(const struct beget_process *p)
{
	return p->ended;
}

static bool born(const struct beget_process *p)
{
	return p->ended || p->pid > 0;
}

/* What to poll for news of this process, and at most for how long. Returns how many; *tells is made false if they do
 * not tell all: look all the same. */
static unsigned news(const struct beget_process *p, struct pollfd fds[2], int64_t now, int64_t brief_until,
                     int *timeout, bool *tells)
{
	unsigned n = 0;
	bool patient = p->patient_until > now; /* it has ended: only the helper's word is awaited */
	bool blind = p->pidfd < 0 && p->pid > 0;

	*tells &= !patient && !blind;
	/* A brief life: by what tells of the end and of nothing else, for each message would wake us for nothing. */
	if (!patient && brief_until > now && (p->ours ? p->pidfd >= 0 : !p->closed)) {
		*timeout = (int)(brief_until - now);
		fds[0] = p->ours ? (struct pollfd){.fd = p->pidfd, .events = POLLIN}
		                 : (struct pollfd){.fd = p->channel, .events = 0}; /* POLLHUP */
		return 1;
	}
	if (patient)
		*timeout = (int)(p->patient_until - now);
	if (patient && p->has_word && *timeout > BRIEF_MS) /* somebody holds the channel: the kernel may tell first */
		*timeout = BRIEF_MS;
	if (!p->closed)
		fds[n++] = (struct pollfd){.fd = p->channel, .events = POLLIN};
	if (p->pidfd >= 0 && !(patient && n))
		fds[n++] = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
	if (blind && (*timeout < 0 || *timeout > BLIND_POLL_MS))
		*timeout = BLIND_POLL_MS;
	return n;
}

/* The one place where join and wait can be cancelled: no lock is held. Interrupted or not, the caller looks again. */
static void poll_cancellable(struct pollfd *fds, size_t n, int timeout_ms, int cancel, void *memory)
{
	pthread_cleanup_push(free, memory);
	beget__thread_cancel(cancel);
	(void)beget__fd_poll(fds, n, timeout_ms);
	(void)beget__thread_no_cancel();
	pthread_cleanup_pop(0);
}

/* One round of waiting for one of several processes. */
struct round {
	struct beget_process *const *ps;
	size_t n;
	struct pollfd *fds; /* no more than are polled: the kernel allows as many as a process may have */
	size_t polled;
	unsigned char *places; /* how many of them each process has: at most two */
	int64_t brief_until;   /* only ends are news until then */
	int timeout;           /* of this round */
	bool patient;          /* an end is seen that the helper has not told */
	bool tells;            /* what is polled tells all */
};

/* What to wait for. The index of a process that has come so far, or -ETIMEDOUT. */
static int survey(struct round *r, bool (*far_enough)(const struct beget_process *), int64_t deadline)
{
	int64_t now = beget__clock_now_ms();

	r->timeout = beget__clock_left_ms(deadline);
	r->patient = false;
	r->tells = true;
	r->polled = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct beget_process *p = r->ps[i];
		r->places[i] = 0;
		if (!p)
			continue;
		int own = -1;
		pthread_mutex_lock(&p->lock);
		bool enough = far_enough(p);
		if (!enough) {
			r->places[i] = (unsigned char)news(p, r->fds + r->polled, now, r->brief_until, &own, &r->tells);
			r->polled += r->places[i];
			r->patient |= p->patient_until > now;
			if (own >= 0 && (r->timeout < 0 || own < r->timeout || p->patient_until > now))
				r->timeout = own;
		}
		pthread_mutex_unlock(&p->lock);
		if (enough)
			return (int)i;
	}
	return -ETIMEDOUT;
}

/* Of many processes, only those that there is news of cost more than their place in the poll. */
static void look_at_news(const struct round *r)
{
	const struct pollfd *fd = r->fds;

	for (size_t i = 0; i < r->n; i++) {
		bool look = !r->tells;
		for (unsigned k = 0; k < r->places[i]; k++)
			look |= (fd++)->revents != 0;
		if (!r->ps[i] || !look)
			continue;
		pthread_mutex_lock(&r->ps[i]->lock);
		beget__channel_look(r->ps[i]);
		pthread_mutex_unlock(&r->ps[i]->lock);
	}
}

/* Waits until one of the processes has come so far: its index, or -ETIMEDOUT. */
static int await(struct beget_process *const *ps, size_t n, bool (*far_enough)(const struct beget_process *),
                 int timeout_ms, int cancel)
{
	int64_t deadline = beget__clock_deadline(timeout_ms);
	enum { FEW = 4 };
	struct pollfd few[2 * FEW];
	unsigned char few_places[FEW];
	struct round r = {.ps = ps, .n = n, .fds = few, .places = few_places};
	void *many = NULL;

	if (far_enough == settled && timeout_ms != 0)
		r.brief_until = beget__clock_deadline(timeout_ms > 0 && timeout_ms < BRIEF_MS ? timeout_ms : BRIEF_MS);
	if (n > FEW) {
		many = beget__mem_alloc(n * (2 * sizeof(*r.fds) + sizeof(*r.places)));
		if (!many)
			return beget__fail_errno(ENOMEM, "cannot wait for %zu processes", n);
		r.fds = many;
		r.places = (unsigned char *)(r.fds + 2 * n);
	}
	int result = survey(&r, far_enough, deadline);
	for (bool last = false; result < 0 && !(last && !r.patient);) {
		last = r.timeout == 0 && !r.patient; /* what it finds may still call for patience */
		poll_cancellable(r.fds, r.polled, r.timeout, cancel, many);
		look_at_news(&r);
		result = survey(&r, far_enough, deadline);
	}
	free(many);
	return result;
}

int beget_join(struct beget_process *p, int timeout_ms, struct beget_status *ret)
{
	int error = beget__process_check(p, "join");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	int result = await(&p, 1, settled, timeout_ms, cancel);
	if (result == 0) {
		pthread_mutex_lock(&p->lock);
		keep_promise(p);
		pthread_mutex_unlock(&p->lock);
		if (ret)
			*ret = p->status;
	}
	if (result == -ETIMEDOUT)
		beget__fail(ETIMEDOUT, "cannot join %s (process %d): it still runs", p->what, (int)p->pid);
	beget__thread_cancel(cancel);
	return result;
}

int beget_wait(struct beget_process *const *ps, size_t n, int timeout_ms)
{
	size_t handles = 0;

	for (size_t i = 0; i < n; i++) {
		int error = ps[i] ? beget__process_check(ps[i], "wait") : 0;
		if (error)
			return error;
		handles += ps[i] != NULL;
	}
	if (!handles)
		return beget__fail(EINVAL, "cannot wait: there is no process to wait for");
	int cancel = beget__thread_no_cancel();
	int result = await(ps, n, settled, timeout_ms, cancel);
	if (result == -ETIMEDOUT)
		beget__fail(ETIMEDOUT, "none of the %zu processes has ended", handles);
	beget__thread_cancel(cancel);
	return result;
}

/* Until the child has said so, the pid is not known. */
static void await_birth(const struct beget_process *p)
{
	struct beget_process *changing = (struct beget_process *)p;

	(void)await(&changing, 1, born, -1, PTHREAD_CANCEL_DISABLE);
}

pid_t beget_pid(const struct beget_process *p)
{
	int error = beget__process_check(p, "tell the pid");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p);
	beget__thread_cancel(cancel);
	return p->pid > 0 ? p->pid : beget__fail(ESRCH, "the process was never born: %s", p->failure.text);
}

int beget_sentinel(const struct beget_process *p)
{
	int error = beget__process_check(p, "give a sentinel");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p);
	beget__thread_cancel(cancel);
	/* Never born, or no pidfds on this kernel: the channel, which closes at the end. */
	return p->pidfd >= 0 ? p->pidfd : p->channel;
}

int beget_kill(struct beget_process *p, int signal)
{
	int error = beget__process_check(p, "signal");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	await_birth(p);
	if (p->pidfd < 0) /* its sentinel tells of the result: until the end that this promises, it is on its way out */
		(void)await(&p, 1, settled, 0, PTHREAD_CANCEL_DISABLE);
	pthread_mutex_lock(&p->lock);
	beget__channel_look(p);
	if (p->ended || beget__channel_seen_ended(p))
		error = beget__fail(ESRCH, "cannot signal %s (process %d): it has ended", p->what, (int)p->pid);
	else if ((error = beget__proc_signal(p->pid, p->pidfd, signal)))
		beget__fail_errno(-error, "cannot send signal %d to %s (process %d)", signal, p->what, (int)p->pid);
	pthread_mutex_unlock(&p->lock);
	beget__thread_cancel(cancel);
	return error;
}

/* A buffer is mapped when somebody wants it. */
static int open_buffer(struct beget_process *p)
{
	int fd = p->result_fd;

	if (fd == -1)
		return 0;
	if (fd < 0)
		return beget__fail_errno(-fd, "cannot take the buffer that %s (process %d) returned", p->what,
		                         (int)p->pid);
	p->result_fd = -1;
	int error = beget__buffer_adopt(fd, p->answer.size, &p->answer.value.buffer);
	return error ? beget__fail_errno(-error, "cannot map the buffer that %s (process %d) returned", p->what,
	                                 (int)p->pid)
	             : 0;
}

static int copy_result(struct beget_process *p, void *ret)
{
	union beget__value *v = &p->answer.value;

	switch (p->answer.type) {
	case BEGET_TYPE_STRUCT: memcpy(ret, v->pointer, p->answer.size); return 0;
	case BEGET_TYPE_BUFFER:
		if (open_buffer(p))
			return beget__fail_last()->code;
		break;
	}
	memcpy(ret, v, beget__type_of(p->answer.type)->size);
	return 0;
}

static size_t result_size(const struct beget_process *p)
{
	return p->answer.type == BEGET_TYPE_STRUCT ? p->answer.size : beget__type_of(p->answer.type)->size;
}

static int fail_type(const struct beget__type *is, const struct beget__type *wanted)
{
	return beget__fail(EINVAL, "the result is %s%s, not %s%s", beget__type_article(is), is->name,
	                   beget__type_article(wanted), wanted->name);
}

int beget_result_as(struct beget_process *p, unsigned type, size_t size, void *ret)
{
	int error = beget__process_check(p, "give the result");

	if (error)
		return error;
	if (!ret)
		return beget__fail(EINVAL, "cannot read the result: ret is NULL");
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&p->lock);
	beget__channel_look(p);
	if (!p->ended)
		error = beget__fail(EBUSY, "there is no result yet: %s (process %d) still runs", p->what, (int)p->pid);
	else if (!p->has_result || p->answer.type == BEGET_TYPE_VOID)
		error = beget__fail(ENODATA, "there is no result: the target did not return one");
	else if (p->answer.type != type)
		error = fail_type(beget__type_of(p->answer.type), beget__type_of(type));
	else if (result_size(p) != size)
		error = beget__fail(EINVAL, "the result is of %zu bytes, not of %zu", result_size(p), size);
	else
		error = copy_result(p, ret);
	pthread_mutex_unlock(&p->lock);
	beget__thread_cancel(cancel);
	return error;
}
