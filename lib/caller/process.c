/* The life of a handle, and the registry of all of them: it lets a forked copy of the caller close what is not its own,
 * and reaps the children whose handles were freed before their end.
 * Runs in the caller. Knows no start method beyond whose child a process is. */
#include "caller/process.h"

#include "caller/channel.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/sock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Handles that were freed while their child ran; under the guard. */
static struct beget_process *orphans;

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Without a note in the handle: in a forked copy each page that is written to has to be copied first. */
static void disown(const struct beget_process *p)
{
	const int own[] = {p->channel, p->pidfd, p->reserve, p->tie, p->result_fd};

	close_all(own, sizeof(own) / sizeof(*own));
	close_all(p->ends, 3);
	if (&p->forked != beget__forks_started()) { /* else what is for the child stays open */
		close_all(&p->far, 1);
		close_all(p->lent, BEGET__LENT);
	}
}

static void release(struct beget__forked *forked)
{
	struct beget_process *p = (struct beget_process *)forked;

	disown(p);
	orphans = NULL; /* all of them */
	if (p->freed)
		free(p);
}

int beget__process_check(const struct beget_process *p, const char *what)
{
	if (!p)
		return beget__fail(EINVAL, "cannot %s: the handle is NULL", what);
	if (p->owner != getpid())
		return beget__fail(ECHILD, "cannot %s: the handle belongs to process %d, of which this is a copy", what,
		                   (int)p->owner);
	return 0;
}

static int open_channel(struct beget_process *p)
{
	int pair[2];
	int error = beget__sock_pair(pair);

	if (error)
		return beget__fail_errno(-error, "cannot make a channel to the child");
	p->channel = pair[0];
	p->far = pair[1];
	return 0;
}

int beget__process_new(struct beget_process **ret, const char *what)
{
	struct beget_process *p = beget__mem_alloc(sizeof(*p));

	if (!p)
		return beget__fail_errno(ENOMEM, "cannot start %s", what);
	p->forked.release = release;
	p->owner = getpid();
	snprintf(p->what, sizeof(p->what), "%s", what);
	pthread_mutex_init(&p->lock, NULL);
	p->channel = p->far = p->pidfd = p->reserve = p->tie = p->control = p->result_fd = -1;
	memset(p->lent, -1, sizeof(p->lent));
	memset(p->ends, -1, sizeof(p->ends));
	beget__forks_guard();
	int error = open_channel(p);
	if (!error)
		beget__forks_watch(&p->forked);
	beget__forks_unguard();
	if (error) {
		free(p);
		return error;
	}
	*ret = p;
	return 0;
}

int beget__process_reopen(struct beget_process *p)
{
	bool reserved = p->reserve >= 0;

	p->spare = p->call_unread = p->closed = p->has_word = p->has_failure = p->ended = false;
	p->pid = 0;
	p->started = 0;
	p->patient_until = 0;
	memset(&p->status, 0, sizeof(p->status));
	beget__process_free_inbox(&p->in);
	beget__forks_guard();
	beget__fd_close(&p->channel);
	beget__fd_close(&p->far);
	beget__fd_close(&p->reserve);
	beget__fd_close(&p->pidfd);
	int error = open_channel(p);
	beget__forks_unguard();
	return !error && reserved ? beget__process_reserve(p) : error;
}

void beget__process_close_far(struct beget_process *p)
{
	beget__forks_guard();
	beget__fd_close(&p->far);
	beget__forks_unguard();
}

void beget__process_close_lent(struct beget_process *p)
{
	beget__forks_guard();
	for (int i = 0; i < BEGET__LENT; i++)
		beget__fd_close(&p->lent[i]);
	beget__forks_unguard();
}

int beget__process_reserve(struct beget_process *p)
{
	beget__forks_guard();
	p->reserve = beget__fd_dup(p->channel);
	beget__forks_unguard();
	if (p->reserve < 0) {
		int error = p->reserve;
		p->reserve = -1;
		return beget__fail_errno(-error, "cannot reserve a descriptor for the child");
	}
	return 0;
}

void beget__process_free_inbox(struct beget__inbox **in)
{
	if (*in) {
		beget__frame_clear(&(*in)->frame);
		beget__frame_clear(&(*in)->between);
	}
	free(*in);
	*in = NULL;
}

static void destroy(struct beget_process *p)
{
	beget__process_free_inbox(&p->in);
	beget__process_free_inbox(&p->result_in);
	if (p->answer.type == BEGET_TYPE_BUFFER)
		beget_buffer_free(p->answer.value.buffer);
	free(p->promise.outs);
	beget__forks_guard();
	if (p->owner == getpid()) { /* a copy's descriptors went with the fork */
		beget__forks_unwatch(&p->forked);
		disown(p);
	}
	beget__forks_unguard();
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int beget__process_expect(struct beget_process *p, const struct beget_call *call)
{
	struct beget__promise *promise = &p->promise;
	size_t size;
	uint32_t n = 0;

	promise->result = call->result;
	promise->size = call->size;
	for (unsigned i = 0; i < call->n; i++)
		n += beget__value_comes_back(&call->args[i], &size) != NULL;
	if (n == 0)
		return 0;
	promise->outs = beget__mem_alloc(n * sizeof(*promise->outs));
	if (!promise->outs)
		return beget__fail_errno(ENOMEM, "cannot start %s", p->what);
	for (unsigned i = 0; i < call->n; i++) {
		void *to = beget__value_comes_back(&call->args[i], &size);
		if (to)
			promise->outs[promise->n++] = (struct beget__out){to, size};
	}
	return 0;
}

/* A child that runs on without a handle: ours will have to be reaped, a tied one lives as long as its tie. */
static bool bereave(struct beget_process *p)
{
	if (p->ended || p->owner != getpid() || !(p->ours || p->tie >= 0))
		return false;
	beget__forks_guard();
	if (p->ours) {
		beget__fd_close(&p->channel); /* nobody will read its result */
		p->closed = true;
	}
	p->freed = true;
	p->orphan = orphans;
	orphans = p;
	beget__forks_unguard();
	return true;
}

void beget__process_abandon(struct beget_process *p)
{
	siginfo_t info;

	/* Its channel closes without a word from us: a child that waits for one ends. */
	beget__forks_guard();
	beget__fd_close(&p->channel);
	beget__fd_close(&p->far);
	beget__forks_unguard();
	if (p->ours)
		beget__proc_wait(P_PID, (id_t)p->pid, &info, WEXITED, NULL);
	destroy(p);
}

void beget__process_sweep(void)
{
	if (!__atomic_load_n(&orphans, __ATOMIC_RELAXED))
		return;
	beget__forks_guard();
	for (struct beget_process **link = &orphans, *p; (p = *link);) {
		beget__channel_look(p);
		if (!p->ended) {
			link = &p->orphan;
			continue;
		}
		*link = p->orphan;
		destroy(p);
	}
	beget__forks_unguard();
}

void beget__process_free(struct beget_process *p)
{
	if (p->owner == getpid()) {
		pthread_mutex_lock(&p->lock);
		beget__channel_look(p);
		pthread_mutex_unlock(&p->lock);
	}
	if (!bereave(p))
		destroy(p);
}
