/* One child of a service: starts it, asks it to finish, kills it, finds its end. Runs in the caller. */
#include "service/member.h"

#include "caller/port.h"
#include "os/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct beget__member *beget__member_new(uint64_t id)
{
	struct beget__member *m = beget__mem_alloc(sizeof(*m));

	if (!m) {
		beget__fail_errno(ENOMEM, "cannot start a child");
		return NULL;
	}
	m->kept.id = id;
	m->ready_by = m->healthy_at = m->aged_at = m->kill_at = m->silent_at = INT64_MAX;
	return m;
}

void beget__member_fail(struct beget__member *m, int error)
{
	m->why = *beget__fail_last();
	m->status = (struct beget_status){.outcome = BEGET_FAILED, .code = error};
	m->stage = BEGET__GONE;
}

void beget__member_start(struct beget__member *m, const struct beget_options *options, const struct beget_call *call,
                         int epoll)
{
	int error = beget_start(&m->kept.process, options, call);

	if (!error) {
		error = beget__kept_watch(&m->kept, epoll);
		if (error)
			beget__fail_errno(-error, "cannot watch a child");
		if (error)
			beget__member_kill(m);
	}
	if (!error)
		return;
	beget__member_fail(m, error);
	beget_free(m->kept.process);
	m->kept.process = NULL;
}

void beget__member_kill(const struct beget__member *m)
{
	(void)beget_kill(m->kept.process, SIGKILL);
}

/* Sending a signal waits for the child's birth, so it is not sent before. */
void beget__member_press(struct beget__member *m, int64_t now)
{
	if (m->stage != BEGET__FINISHING || m->pid == 0)
		return;
	if (!m->asked && !m->listens)
		(void)beget_kill(m->kept.process, SIGTERM);
	m->asked = true;
	if (now < m->kill_at)
		return;
	beget__member_kill(m);
	m->kill_at = INT64_MAX;
}

void beget__member_retire(struct beget__member *m, int64_t kill_at)
{
	if (m->stage == BEGET__GONE)
		return;
	if (m->stage != BEGET__FINISHING)
		beget__port_shut(m->kept.process);
	if (m->stage != BEGET__FINISHING || kill_at < m->kill_at)
		m->kill_at = kill_at;
	m->stage = BEGET__FINISHING;
	m->ready_by = m->healthy_at = m->aged_at = m->silent_at = INT64_MAX;
}

bool beget__member_ended(struct beget__member *m)
{
	if (beget_join(m->kept.process, 0, &m->status))
		return false;
	if (m->late && m->status.outcome == BEGET_SIGNALED && m->status.code == SIGKILL)
		m->status.outcome = BEGET_TIMED_OUT;
	m->stage = BEGET__GONE;
	m->ready_by = m->healthy_at = m->aged_at = m->kill_at = m->silent_at = INT64_MAX;
	return true;
}

void beget__member_describe(const struct beget__member *m, char *text, size_t size)
{
	if (!m->kept.process)
		snprintf(text, size, "%s", m->why.text);
	else if (m->status.outcome == BEGET_TIMED_OUT)
		snprintf(text, size, "child %d was killed because it was not ready in time", (int)m->pid);
	else
		(void)beget_describe(m->kept.process, text, size);
}

void beget__member_free(struct beget__member *m)
{
	beget_free(m->kept.process);
	free(m);
}
