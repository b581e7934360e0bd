/* The life of each child: its start, its reports, its end, and what is due for it. Runs in the caller, under the lock
 * of the service. */
#include "service/life.h"

#include "caller/port.h"
#include "os/clock.h"
#include "os/poll.h"

#include <errno.h>

/* When to check again what is already due; and from which delay on the processes may have stood still. */
enum { LOOK_AGAIN_MS = 5, LATE_MS = 100 };

int64_t beget__life_after(int64_t now, int ms)
{
	return ms < 0 ? INT64_MAX : now + ms;
}

static void defer(int64_t *at, int64_t ms)
{
	if (*at != INT64_MAX)
		*at += ms;
}

/* A caller that is always late must not defer everything forever. */
void beget__life_forgive(struct beget_service *s)
{
	int64_t now = beget__clock_now_ms(), away = now - s->looked_at;
	bool late = now - s->due > LATE_MS;

	for (struct beget__member *m = s->first; late && !s->forgave && m; m = m->next) {
		defer(&m->ready_by, away);
		defer(&m->kill_at, away);
		defer(&m->sign_at, away);
		defer(&m->silent_at, away);
	}
	s->forgave = late;
}

/* State of one child. */

static void become_ready(const struct beget_service *s, struct beget__member *m, int64_t now)
{
	const struct beget_service_options *o = &s->options;

	m->stage = BEGET__SERVING;
	m->news |= 1u << BEGET_SERVICE_READY;
	m->ready_by = INT64_MAX;
	m->healthy_at = now + o->healthy_ms;
	m->sign_at = now;
	if (o->lifetime_ms)
		m->aged_at = now + beget__keeper_jitter(o->lifetime_ms);
	if (o->heartbeat_ms)
		m->silent_at = now + o->heartbeat_ms;
}

static void take_signs(const struct beget_service *s, struct beget__member *m, const struct beget__signs *signs,
                       int64_t now)
{
	m->listens |= signs->listens;
	if (signs->born && m->pid == 0) {
		m->pid = beget_pid(m->kept.process);
		m->news |= 1u << BEGET_SERVICE_STARTED;
	}
	if (m->stage == BEGET__STARTING && signs->born && (signs->ready || s->options.ready_ms == 0))
		become_ready(s, m, now);
	if (m->stage != BEGET__SERVING)
		return;
	if (signs->beats != m->signs && s->options.heartbeat_ms) {
		m->sign_at = now;
		m->silent_at = now + s->options.heartbeat_ms;
	}
	m->signs = signs->beats;
	if (signs->tired && !m->aged)
		m->aged_at = now;
}

static void look(struct beget_service *s, struct beget__member *m, bool gone, int64_t now)
{
	struct beget__signs signs = beget__port_look(m->kept.process);

	take_signs(s, m, &signs, now);
	beget__kept_watch_end(&m->kept, s->epoll);
	if (gone || signs.closed || signs.ended)
		beget__kept_stir(&m->kept, s->epoll);
}

void beget__life_take_event(struct beget_service *s, uint64_t event, int64_t now)
{
	for (struct beget__member *m = s->first; m; m = m->next)
		if (m->kept.id == event / BEGET__KEPT_KINDS && m->stage != BEGET__GONE)
			look(s, m, event % BEGET__KEPT_KINDS == BEGET__KEPT_PIDFD, now);
}

/* A child failed before it was healthy. Of several that fail in one round, the first counts. */
static void count_failure(struct beget__member *m, struct beget__edition *e, int64_t now)
{
	e->why.code = m->status.outcome == BEGET_FAILED ? m->status.code : -1;
	beget__member_describe(m, e->why.text, sizeof(e->why.text));
	if (!beget__keeper_may_start(&e->keeper, now))
		return;
	beget__keeper_failed(&e->keeper, now);
	m->delay_ms = e->keeper.not_before - now;
	m->news |= 1u << BEGET_SERVICE_RESTARTING;
}

static bool is_replaced(const struct beget_service *s, const struct beget__member *m)
{
	bool good = m->status.outcome == BEGET_EXITED && m->status.code == 0;

	return s->options.restart == BEGET_RESTART_ALWAYS || (s->options.restart == BEGET_RESTART_FAILED && !good);
}

static void end(struct beget_service *s, struct beget__member *m, bool asked, int64_t now)
{
	struct beget__edition *e = m->edition;

	m->news |= 1u << BEGET_SERVICE_ENDED;
	m->edition = NULL;
	s->counts.recycled += m->aged;
	if (asked)
		return;
	s->counts.failed += m->status.outcome != BEGET_EXITED || m->status.code != 0;
	if (!m->kept.process || is_replaced(s, m)) {
		if (!m->healthy)
			count_failure(m, e, now);
	} else if (s->wanted > 0) {
		s->spent = --s->wanted == 0;
	}
}

/* What is due for each child. */

/* Only a few children at once are replaced because of their age. */
static bool may_age(const struct beget_service *s)
{
	unsigned n = 0;

	for (const struct beget__member *m = s->first; m; m = m->next)
		n += m->aged && m->stage != BEGET__GONE;
	return n < s->options.recycled;
}

static void judge(struct beget_service *s, struct beget__member *m, int64_t now)
{
	if (now >= m->ready_by && m->pid > 0) {
		m->ready_by = INT64_MAX;
		m->late = true;
		beget__member_kill(m);
	}
	if (now >= m->healthy_at) {
		m->healthy_at = INT64_MAX;
		m->healthy = s->healthy = true;
		beget__keeper_succeeded(&m->edition->keeper);
	}
	if (now >= m->aged_at && m->stage == BEGET__SERVING && may_age(s)) {
		m->aged_at = INT64_MAX;
		m->aged = true;
		m->news |= 1u << BEGET_SERVICE_RECYCLING;
	}
	if (now >= m->silent_at) {
		m->silent_ms = now - m->sign_at;
		m->silent_at = now + s->options.heartbeat_ms;
		m->news |= 1u << BEGET_SERVICE_SILENT;
	}
	beget__member_press(m, now);
}

void beget__life_attend(struct beget_service *s, int64_t now)
{
	s->looked_at = now;
	for (struct beget__member *m = s->first; m; m = m->next) {
		if (m->stage == BEGET__GONE)
			continue;
		bool asked = m->stage == BEGET__FINISHING;
		if (m->kept.stirred && beget__member_ended(m))
			end(s, m, asked, now);
		else
			judge(s, m, now);
	}
}

/* NULL: no memory, which is a failure too, but has no event. */
static struct beget__member *add(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	struct beget__member *m = beget__member_new(++s->last_id);

	if (!m) {
		e->why = *beget__fail_last();
		beget__keeper_failed(&e->keeper, now);
		return NULL;
	}
	*s->last = m;
	s->last = &m->next;
	s->counts.started++;
	m->version = e->version;
	m->edition = e;
	return m;
}

bool beget__life_prepare(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	int watch, error = beget__port_prepare(e->start->server, &watch);

	if (error == -EAGAIN) {
		error = beget__poll_add_once(s->epoll, watch, BEGET__SERVICE_SERVER);
		if (!error)
			return false;
		beget__fail_errno(-error, "cannot watch the server");
	}
	e->prepared = !error;
	struct beget__member *m = error ? add(s, e, now) : NULL;
	if (m) {
		beget__member_fail(m, error);
		end(s, m, false, now);
	}
	return !error;
}

void beget__life_start(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	struct beget__member *m = add(s, e, now);

	if (!m)
		return;
	s->starting = true;
	beget__member_start(m, e->start, &e->call->call, s->epoll);
	s->starting = false;
	if (m->stage == BEGET__GONE) {
		end(s, m, false, now);
		return;
	}
	if (s->options.ready_ms)
		m->ready_by = beget__life_after(now, s->options.ready_ms);
	look(s, m, false, now);
}

/* What was due by now has been done, or waits for something that an event will report. */
static void consider(int64_t *due, int64_t at, int64_t now)
{
	if (at > now && at < *due)
		*due = at;
}

int64_t beget__life_due(const struct beget_service *s)
{
	int64_t now = s->looked_at, due = INT64_MAX;
	const struct beget__edition *editions[] = {s->current, s->next};

	if (now == 0) /* nothing has been started yet */
		return 1;
	for (int i = 0; i < 2; i++)
		if (editions[i] && editions[i]->keeper.failures > 0)
			consider(&due, editions[i]->keeper.not_before, now);
	for (const struct beget__member *m = s->first; m; m = m->next) {
		const int64_t moments[] = {m->ready_by, m->healthy_at, m->aged_at, m->kill_at, m->silent_at};
		for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++)
			consider(&due, moments[i], now);
		if (m->kept.stirred && m->stage != BEGET__GONE)
			consider(&due, now + LOOK_AGAIN_MS, now);
	}
	return due;
}
