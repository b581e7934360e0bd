/* The children of a service. After every event, the number of children that each edition should have is computed; then
 * children are started and asked to finish until the numbers match. Runs in the caller, under the lock of the
 * service. */
#include "service/staff.h"

#include "caller/port.h"
#include "os/clock.h"
#include "os/poll.h"

#include <stdlib.h>

/* When to check again what is already due. */
enum { LOOK_AGAIN_MS = 5 };

static int64_t after(int64_t now, int ms)
{
	return ms < 0 ? INT64_MAX : now + ms;
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

static void take_event(struct beget_service *s, uint64_t event, int64_t now)
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
	} else if (s->wanted > 0 && --s->wanted == 0) {
		beget__staff_stop(s, s->options.grace_ms);
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

/* If the caller did not call for a long time, because it was busy, stopped or suspended, the silence of the children
 * does not count. */
static void forgive(struct beget_service *s, int64_t now)
{
	int ms = s->options.heartbeat_ms;

	for (struct beget__member *m = s->first; ms && m; m = m->next)
		if (m->silent_at != INT64_MAX && now - s->looked_at > ms)
			m->silent_at = now + ms;
	s->looked_at = now;
}

static void attend(struct beget_service *s, int64_t now)
{
	forgive(s, now);
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

/* The number of children that each edition has and should have. */

struct tally {
	unsigned live; /* without those that are to be replaced */
	unsigned ready, all;
	struct beget__member *aged, *newest; /* newest: a starting child rather than a ready one */
};

static struct tally count(const struct beget_service *s, const struct beget__edition *e)
{
	struct tally t = {0};

	for (struct beget__member *m = s->first; m; m = m->next) {
		if (m->edition != e || m->stage == BEGET__GONE)
			continue;
		t.all++;
		if (m->stage == BEGET__FINISHING)
			continue;
		t.ready += m->stage == BEGET__SERVING;
		if (m->aged && !t.aged)
			t.aged = m;
		if (m->aged)
			continue;
		t.live++;
		if (!t.newest || m->stage == BEGET__STARTING || t.newest->stage == BEGET__SERVING)
			t.newest = m;
	}
	return t;
}

static void start(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	s->starting = true;
	struct beget__member *m = beget__member_start(e->start, &e->call->call, ++s->last_id, s->epoll);
	s->starting = false;
	if (!m) {
		e->why = *beget__fail_last();
		beget__keeper_failed(&e->keeper, now);
		return;
	}
	*s->last = m;
	s->last = &m->next;
	s->counts.started++;
	m->version = e->version;
	m->edition = e;
	if (s->options.ready_ms)
		m->ready_by = after(now, s->options.ready_ms);
	if (m->stage == BEGET__GONE)
		end(s, m, false, now);
	else
		look(s, m, false, now);
}

static void retire(const struct beget_service *s, struct beget__member *m, int64_t now)
{
	beget__member_retire(m, after(now, s->options.grace_ms));
	beget__member_press(m, now);
}

/* An aged child finishes when another is ready in its place; of surplus children, the newest finish first. */
static void adjust(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	struct tally t = count(s, e);

	while (!s->stopping && t.live < e->wanted && beget__keeper_may_start(&e->keeper, now)) {
		start(s, e, now);
		t = count(s, e);
	}
	for (; (t.aged && t.ready > e->wanted) || t.live > e->wanted; t = count(s, e))
		retire(s, t.aged && t.ready > e->wanted ? t.aged : t.newest, now);
}

static void put_aside(struct beget_service *s, struct beget__edition *e)
{
	e->wanted = 0;
	e->next = s->old;
	s->old = e;
}

/* A new child is started when an old one has ended. */
static void share_out(struct beget_service *s, const struct tally *next)
{
	unsigned n = next->ready < s->wanted ? next->ready + 1 : s->wanted, others = 0;

	for (struct beget__member *m = s->first; m; m = m->next)
		others += m->edition != s->next && m->stage != BEGET__GONE;
	s->current->wanted = s->wanted - n;
	if (others <= s->wanted - n)
		s->next->wanted = n;
}

static void divide(struct beget_service *s)
{
	s->current->wanted = s->wanted;
	if (!s->next)
		return;
	struct tally next = count(s, s->next);
	if (s->options.flags & BEGET_SERVICE_ONE_BY_ONE)
		share_out(s, &next);
	else
		s->next->wanted = s->wanted;
	if (next.ready < s->wanted)
		return;
	put_aside(s, s->current);
	s->current = s->next;
	s->next = NULL;
	s->counts.reloads++;
	s->news |= 1u << BEGET_SERVICE_RELOADED;
}

/* Gives up an edition that has failed too often. A service that has been healthy continues to try. */
static void give_up(struct beget_service *s)
{
	const unsigned boots = s->options.boots;

	if (s->next && s->next->keeper.failures >= boots) {
		s->why = s->next->why;
		put_aside(s, s->next);
		s->next = NULL;
		s->news |= 1u << BEGET_SERVICE_RELOAD_FAILED;
	} else if (!s->next && !s->healthy && !s->stopping && s->current->keeper.failures >= boots) {
		s->why = s->current->why;
		s->news |= 1u << BEGET_SERVICE_GAVE_UP;
		beget__staff_stop(s, s->options.grace_ms);
	}
}

/* Finishing children must not accumulate: the oldest are killed. */
static void limit_finishing(struct beget_service *s, int64_t now)
{
	unsigned n = 0;

	for (struct beget__member *m = s->first; m; m = m->next)
		n += m->stage == BEGET__FINISHING;
	for (struct beget__member *m = s->first; m && n > s->most; m = m->next) {
		if (m->stage != BEGET__FINISHING)
			continue;
		beget__member_retire(m, now);
		beget__member_press(m, now);
		n--;
	}
}

static void free_old(struct beget_service *s)
{
	for (struct beget__edition **link = &s->old; *link;) {
		struct beget__edition *e = *link;
		if (count(s, e).all > 0) {
			link = &e->next;
			continue;
		}
		*link = e->next;
		beget__edition_free(e);
	}
}

static bool is_empty(const struct beget_service *s)
{
	for (const struct beget__member *m = s->first; m; m = m->next)
		if (m->stage != BEGET__GONE)
			return false;
	return true;
}

void beget__staff_work(struct beget_service *s, const uint64_t *events, int n)
{
	int64_t now = beget__clock_now_ms();

	for (int i = 0; i < n; i++)
		take_event(s, events[i], now);
	attend(s, now);
	give_up(s);
	divide(s);
	adjust(s, s->current, now);
	if (s->next)
		adjust(s, s->next, now);
	for (struct beget__edition *e = s->old; e; e = e->next)
		adjust(s, e, now);
	limit_finishing(s, now);
	free_old(s);
	if (s->stopping && is_empty(s) && !s->finished)
		s->news |= 1u << BEGET_SERVICE_STOPPED;
}

/* What was due by now has been done, or waits for something that an event will report. */
static void consider(int64_t *due, int64_t at, int64_t now)
{
	if (at > now && at < *due)
		*due = at;
}

int64_t beget__staff_due(const struct beget_service *s)
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

void beget__staff_stop(struct beget_service *s, int grace_ms)
{
	int64_t now = beget__clock_now_ms();

	s->stopping = true;
	s->wanted = 0;
	if (s->next)
		put_aside(s, s->next);
	s->next = NULL;
	for (struct beget__member *m = s->first; m; m = m->next) {
		beget__member_retire(m, after(now, grace_ms));
		if (m->stage == BEGET__FINISHING)
			beget__member_press(m, now);
	}
}

void beget__staff_load(struct beget_service *s, struct beget__edition *e)
{
	if (s->next)
		put_aside(s, s->next);
	s->next = e;
}
