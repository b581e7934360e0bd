/* The children of a helper or a monitor: a table that grows with the number that run at once, not with the number of
 * starts. Runs in the helper and in monitors. */
#include "monitor/wards.h"

#include "message/report.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct ward {
		pid_t pid;
		int channel;
		bool tied, expired;
	} * all;
	size_t n, room;
} wards;

bool beget__wards_make_room(void)
{
	if (wards.n < wards.room)
		return true;
	size_t room = wards.room ? 2 * wards.room : 64;
	struct ward *more = beget__mem_alloc(room * sizeof(*more));
	if (!more)
		return false;
	if (wards.n)
		memcpy(more, wards.all, wards.n * sizeof(*more));
	free(wards.all);
	wards.all = more;
	wards.room = room;
	return true;
}

void beget__wards_add(pid_t pid, int channel, bool tied)
{
	wards.all[wards.n++] = (struct ward){.pid = pid, .channel = channel, .tied = tied};
}

void beget__wards_clear(void)
{
	wards.n = 0;
}

void beget__wards_expire(void)
{
	for (size_t i = 0; i < wards.n; i++) {
		wards.all[i].expired = true;
		beget__proc_signal(wards.all[i].pid, -1, SIGKILL);
	}
}

void beget__wards_tie(pid_t pid)
{
	for (size_t i = 0; i < wards.n; i++)
		wards.all[i].tied |= wards.all[i].pid == pid;
}

size_t beget__wards_count(void)
{
	return wards.n;
}

/* A caller that does not read must not block the service for others: sending the report does not wait. */
static void report(pid_t pid, struct beget__exit *end)
{
	for (size_t i = 0; i < wards.n; i++) {
		if (wards.all[i].pid != pid)
			continue;
		end->timed_out = wards.all[i].expired && end->wait_status == SIGKILL;
		beget__report_send_ended(wards.all[i].channel, end);
		beget__fd_close(&wards.all[i].channel);
		wards.all[i] = wards.all[--wards.n];
		break;
	}
}

/* Reports first and reaps afterwards: if the report is lost, the zombie still shows how the child ended. On kernels
 * whose zombies may show something else, only the call that reaps returns the status. */
void beget__wards_reap(void)
{
	int look = beget__proc_zombies_report() ? WNOWAIT : 0;
	struct rusage usage;
	siginfo_t info;

	while (beget__proc_wait(P_ALL, 0, &info, WEXITED | WNOHANG | look, &usage) == 0 && info.si_pid > 0) {
		pid_t pid = info.si_pid;
		struct beget__exit end = beget__report_make_exit(&info, &usage);
		report(pid, &end);
		if (look)
			beget__proc_wait(P_PID, (id_t)pid, &info, WEXITED | WNOHANG, NULL);
	}
}

bool beget__wards_awaited(void)
{
	for (size_t i = 0; i < wards.n; i++) {
		struct pollfd reader = {.fd = wards.all[i].channel};
		if (beget__fd_poll(&reader, 1, 0) <= 0 || !(reader.revents & POLLHUP))
			return true;
	}
	return false;
}

/* Kills all tied children: a target may have closed the socket of its tie. */
void beget__wards_kill_tied(void)
{
	for (size_t i = 0; i < wards.n; i++)
		if (wards.all[i].tied)
			beget__proc_signal(wards.all[i].pid, -1, SIGKILL);
}
