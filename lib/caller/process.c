/* The handle of a process and the descriptors that it holds: creates them, closes them, and drops them in forked copies
 * of the caller. Runs in the caller. Of the start methods, it knows only whose child a process is. */
#include "caller/process.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/self.h"
#include "program/symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		beget__fd_close_number(fds[i]);
}

/* Does not write to the handle: in a forked copy, each page that is written to is copied first. */
static void disown(const struct beget_process *p)
{
	const int own[] = {p->pidfd, p->tie, p->sentinel == p->pidfd ? -1 : p->sentinel};
	bool for_child = beget__forks_started() == &p->forked; /* then the child's descriptors stay open */

	close_all(own, sizeof(own) / sizeof(*own));
	close_all(p->ends, 3);
	if (!for_child)
		close_all(p->lent, BEGET__LENT);
	beget__channel_release(&p->channel, for_child);
	beget__promise_release(&p->promise);
}

static void release(struct beget__forked *forked)
{
	struct beget_process *p = (struct beget_process *)forked;

	disown(p);
	if (p->orphan)
		free(p);
}

int beget__process_check(const struct beget_process *p, const char *what)
{
	if (!p)
		return beget__fail(EINVAL, "cannot %s: the handle is NULL", what);
	if (p->owner != beget__self_pid())
		return beget__fail(
			ECHILD, "cannot %s: the handle belongs to process %d, of which this process is a forked copy",
			what, (int)p->owner);
	return 0;
}

void beget__process_function(const struct beget_process *p, char *text, size_t size)
{
	struct beget__target target = p->target;

	if (!target.module) /* a start with fork does not look it up */
		beget__target_find(p->function, false, &target);
	if (target.module)
		beget__symbol_name(target.module, target.offset, text, size);
	else
		snprintf(text, size, "%p", (void *)(uintptr_t)p->function);
}

const char *beget__process_name(const struct beget_process *p, char text[BEGET__PROCESS_NAME])
{
	char function[160];

	if (!p->what[0])
		beget__process_function(p, function, sizeof(function));
	const char *what = p->what[0] ? p->what : function;
	if (p->pid > 0)
		snprintf(text, BEGET__PROCESS_NAME, "%s (process %d)", what, (int)p->pid);
	else
		snprintf(text, BEGET__PROCESS_NAME, "%s (not born yet)", what);
	return text;
}

static int open_channel(struct beget_process *p)
{
	int error = beget__channel_open(&p->channel);

	return error ? beget__fail_errno(-error, "cannot create a channel to the child") : 0;
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
	beget__channel_init(&p->channel);
	beget__promise_init(&p->promise);
	p->pidfd = p->tie = p->control = p->sentinel = -1;
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
	bool reserved = p->channel.reserve >= 0;

	p->spare = p->ended = p->record_due = false;
	p->pid = 0;
	beget__words_free(&p->words);
	p->started = 0;
	p->report_until = 0;
	p->reports = (struct beget__reports){0};
	p->status = (struct beget_status){0};
	beget__forks_guard();
	beget__channel_close(&p->channel);
	beget__fd_close(&p->pidfd);
	int error = open_channel(p);
	beget__forks_unguard();
	return !error && reserved ? beget__process_reserve(p) : error;
}

void beget__process_close_far(struct beget_process *p)
{
	beget__forks_guard();
	beget__channel_close_far(&p->channel);
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
	int error = beget__channel_reserve(&p->channel);
	beget__forks_unguard();
	return error ? beget__fail_errno(-error, "cannot reserve a descriptor for the child") : 0;
}

/* A thread that is about to poll them must not find other files at their numbers, and a sentinel of our own polls
 * them. */
void beget__process_settle(struct beget_process *p)
{
	if (!p->ended || p->waiters > 0 || (p->sentinel >= 0 && p->sentinel != p->pidfd))
		return;
	beget__forks_guard();
	beget__channel_close(&p->channel);
	beget__fd_close(&p->tie);
	if (p->sentinel < 0)
		beget__fd_close(&p->pidfd);
	beget__forks_unguard();
}

void beget__process_destroy(struct beget_process *p)
{
	beget__forks_guard();
	if (p->owner == getpid()) { /* in a copy, the descriptors were closed at the fork */
		beget__forks_unwatch(&p->forked);
		disown(p);
	}
	beget__forks_unguard();
	beget__inbox_free(&p->channel.in);
	beget__promise_free(&p->promise);
	beget__target_free(&p->target);
	beget__words_free(&p->words);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void beget__process_abandon(struct beget_process *p)
{
	siginfo_t info;

	/* The channel closes without a message, and a child that waits for one ends. */
	beget__forks_guard();
	beget__channel_close(&p->channel);
	beget__forks_unguard();
	if (p->ours || p->monitor > 0)
		beget__proc_wait(P_PID, (id_t)(p->ours ? p->pid : p->monitor), &info, WEXITED, NULL);
	beget__process_destroy(p);
}
