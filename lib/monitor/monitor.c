/* The monitor is the child's parent. It kills the child when its limit has run out or its caller has ended, and reports
 * how it ended. With a tree, it is also the parent of all processes of the tree that lose theirs, and kills these after
 * the child has ended, until none is left. It signals its own children only: until it reaps them, no other process can
 * have their ids. A child whose monitor is killed is killed by the kernel.
 * Runs in the monitor, and its first steps in the child. */
#include "monitor/monitor.h"

#include "monitor/wards.h"
#include "os/clock.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/procfs.h"
#include "os/self.h"
#include "os/signals.h"
#include "os/thread.h"
#include "os/trace.h"
#include "program/coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Descriptors of the monitor; the child closes its copies. */
struct monitor {
	int reports;  /* a copy of the channel, which is closed after the report */
	int signals;  /* reads SIGCHLD */
	int children; /* the file that lists the children of the monitor; -1: there is no tree */
};

static void close_all(struct monitor *m)
{
	beget__fd_close(&m->reports);
	beget__fd_close(&m->signals);
	beget__fd_close(&m->children);
}

/* The open file stays the same even if the tree changes /proc. */
static int open_tree(struct monitor *m)
{
	int fd = beget__procfs_numbers_ours() ? beget__proc_open_children() : -ENOENT;

	if (fd == -ENOENT)
		return beget__fail(EOPNOTSUPP, "cannot end the tree of the child: /proc does not show its processes");
	if (fd < 0)
		return beget__fail_errno(-fd, "cannot watch the tree of the child");
	m->children = fd;
	int error = beget__proc_adopt_orphans();
	return error ? beget__fail_errno(-error, "cannot become the parent of the tree") : 0;
}

static int open_all(struct monitor *m, const struct beget__watch *w)
{
	int threads = beget__thread_count();

	if (threads > 1)
		return beget__fail(EDEADLK, "cannot monitor the child: %d threads run here, and fork would lose them",
		                   threads);
	m->reports = beget__fd_dup(w->channel);
	m->signals = beget__signals_open(SIGCHLD);
	if (m->reports < 0 || m->signals < 0)
		return beget__fail_errno(m->reports < 0 ? -m->reports : -m->signals, "cannot monitor the child");
	if (!beget__wards_make_room())
		return beget__fail_errno(ENOMEM, "cannot monitor the child");
	return w->tree ? open_tree(m) : 0;
}

/* Kills the listed children, except for a number that is truncated at the end. Returns their number. Those that have
 * gained privileges cannot be killed. */
static int kill_listed(const char *list)
{
	char *end;
	int n = 0;

	for (pid_t pid; (pid = (pid_t)strtol(list, &end, 10)) > 0 && *end == ' '; list = end)
		n += beget__proc_signal(pid, -1, SIGKILL) == 0;
	return n;
}

/* When a process is killed, its children become the monitor's, which finds them in the next round. */
static void kill_tree(int children)
{
	char list[1024];
	siginfo_t info;
	ssize_t size;

	while ((size = beget__fd_read_at(children, list, sizeof(list) - 1, 0)) > 0) {
		list[size] = '\0';
		if (kill_listed(list) == 0)
			return;
		(void)beget__proc_wait(P_ALL, 0, &info, WEXITED, NULL);
		beget__wards_reap();
	}
}

/* Returns when the child has ended. */
static void attend(pid_t child, const struct beget__watch *w, struct monitor *m)
{
	int64_t deadline = beget__clock_deadline(w->limit_ms > 0 ? w->limit_ms : -1);
	int tie = w->tie;

	while (beget__wards_count() > 0) {
		struct pollfd news[] = {
			{.fd = m->signals, .events = POLLIN},
			{.fd = tie, .events = POLLIN | POLLRDHUP},
		};
		int left = beget__clock_left_ms(deadline);
		int ready = beget__fd_poll(news, 2, left);
		if (news[0].revents || (ready < 0 && left != 0)) { /* or nothing could be polled */
			beget__signals_discard(m->signals);
			beget__wards_reap();
		} else if (left == 0) {
			beget__wards_expire();
			deadline = beget__clock_deadline(-1);
		} else if (news[1].revents) {
			beget__proc_signal(child, -1, SIGKILL);
			tie = -1;
		}
	}
}

static _Noreturn void monitor(pid_t child, const struct beget__watch *w, struct monitor *m)
{
	int keep[] = {w->channel, w->tie, m->reports, m->signals, m->children};

	beget__trace("monitors %d", (int)child);
	beget__trace_fd = -1;
	(void)beget__self_join_group(0); /* signals to the caller's group are not meant for the monitor */
	beget__fd_close_but(0, keep, sizeof(keep) / sizeof(*keep));
	beget__wards_clear();
	beget__wards_add(child, m->reports, false);
	attend(child, w, m);
	if (w->tree)
		kill_tree(m->children);
	beget__coverage_write();
	_exit(0);
}

int beget__monitor_fork(const struct beget__watch *w)
{
	struct monitor m = {-1, -1, -1};
	struct sigaction before;
	pid_t self = getpid();
	sigset_t mask;

	int error = open_all(&m, w);
	if (!error) {
		beget__signals_block_all(&mask);
		/* If it were ignored, the child would be reaped unseen. */
		beget__signals_take_default(SIGCHLD, &before);
		pid_t pid = beget__proc_fork();
		if (pid > 0)
			monitor(pid, w, &m);
		beget__signals_put_back(SIGCHLD, &before);
		beget__signals_set_mask(&mask);
		error = pid < 0 ? pid : beget__proc_die_with(self);
		if (error)
			beget__fail_errno(-error, "cannot make the child of the monitor");
	}
	close_all(&m);
	return error;
}
