/* Threads: counting them, and disabling cancellation.
 * Runs in every process. */
#include "os/thread.h"

#include "os/libc.h"
#include "os/procfs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PF_EXITING = 0x4, PF_IO_WORKER = 0x10 };

/* Joined threads stay listed for a while, and the kernel lists its io_uring workers. The flags show both cases. */
static int thread_runs(int thread, bool *ret)
{
	struct beget__text stat;
	unsigned flags;

	int error = beget__procfs_read(&stat, "/proc/self/task/%d/stat", thread);
	const char *p = strrchr(stat.text, ')');
	/* A thread that has ended is not running. If a thread cannot be seen, it is unknown whether it runs. */
	if (error == -ENOENT || error == -ESRCH)
		*ret = false;
	else
		*ret = error || !p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1 ||
		       !(flags & (PF_EXITING | PF_IO_WORKER));
	beget__procfs_free(&stat);
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ? error : 0;
}

static int count(int thread, void *data)
{
	bool runs;
	int *n = data;

	int error = thread_runs(thread, &runs);
	*n += !error && runs;
	return error;
}

int beget__thread_count(void)
{
	int n = 0;

	if (beget__libc_single_threaded())
		return 1;
	int error = beget__procfs_list("/proc/self/task", count, &n);
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return error;
	if (error && unshare(CLONE_THREAD) == 0) /* it changes nothing, and fails if there are other threads */
		return 1;
	if (error)
		return n > 2 ? n : 2; /* some of them may have ended, which cannot be seen */
	return n ? n : 1;
}

static int name(int thread, void *data)
{
	struct beget__thread_names *names = data;
	struct beget__text comm;
	bool runs;

	if (thread == getpid() || thread_runs(thread, &runs) || !runs)
		return 0;
	if (beget__procfs_read(&comm, "/proc/self/task/%d/comm", thread) == 0 && comm.size > 1 &&
	    names->used + comm.size + 2 < sizeof(names->text)) {
		comm.text[comm.size - 1] = '\0'; /* replaces the newline */
		names->used += (size_t)snprintf(names->text + names->used, sizeof(names->text) - names->used, "%s%s",
		                                names->used ? ", " : "", comm.text);
	}
	beget__procfs_free(&comm);
	return 0;
}

void beget__thread_names(struct beget__thread_names *ret)
{
	ret->used = 0;
	ret->text[0] = '\0';
	(void)beget__procfs_list("/proc/self/task", name, ret);
}

int beget__thread_no_cancel(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

void beget__thread_cancel(int before)
{
	pthread_setcancelstate(before, NULL);
}
