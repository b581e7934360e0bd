/* The children of a service. After every event, the number of children that each edition should have is computed; then
 * children are started and asked to finish until the numbers match. Runs in the caller, under the lock of the
 * service. */
#include "service/staff.h"

#include "os/clock.h"
#include "service/life.h"

#include <stdlib.h>

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

static void retire(const struct beget_service *s, struct beget__member *m, int64_t now)
{
	beget__member_retire(m, beget__life_after(now, s->options.grace_ms));
	beget__member_press(m, now);
}

/* An aged child finishes when another is ready in its place; of surplus children, the newest finish first. */
static void adjust(struct beget_service *s, struct beget__edition *e, int64_t now)
{
	struct tally t = count(s, e);

	while (!s->stopping && t.live < e->wanted && beget__keeper_may_start(&e->keeper, now) &&
	       beget__life_prepare(s, e, now)) {
		beget__life_start(s, e, now);
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
	if (!s->next || !s->next->prepared)
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

void beget__staff_work(struct beget_service *s, int64_t now)
{
	beget__life_attend(s, now);
	if (s->spent && !s->stopping)
		beget__staff_stop(s, s->options.grace_ms);
	give_up(s);
	if (s->next && !s->next->prepared && beget__keeper_may_start(&s->next->keeper, now))
		beget__life_prepare(s, s->next, now);
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

void beget__staff_stop(struct beget_service *s, int grace_ms)
{
	int64_t now = beget__clock_now_ms();

	s->stopping = true;
	s->wanted = 0;
	if (s->next)
		put_aside(s, s->next);
	s->next = NULL;
	for (struct beget__member *m = s->first; m; m = m->next) {
		beget__member_retire(m, beget__life_after(now, grace_ms));
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
