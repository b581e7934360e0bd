/* Events. They are not stored: each child has a bit for each event that has not been reported, so that no event is lost
 * and none needs memory. Runs in the caller, under the lock of the service. */
#include "service/news.h"

#include <stdio.h>
#include <string.h>

bool beget__news_there(const struct beget_service *s)
{
	for (const struct beget__member *m = s->first; m; m = m->next)
		if (m->news)
			return true;
	return s->news != 0;
}

static enum beget_service_kind take_lowest(unsigned *news)
{
	unsigned kind = (unsigned)__builtin_ctz(*news);

	*news &= *news - 1;
	return (enum beget_service_kind)kind;
}

static void describe_child(const struct beget__member *m, struct beget_service_event *e)
{
	const size_t size = sizeof(e->text);

	switch (e->kind) {
	case BEGET_SERVICE_STARTED: snprintf(e->text, size, "child %d has started", (int)m->pid); break;
	case BEGET_SERVICE_READY: snprintf(e->text, size, "child %d is ready", (int)m->pid); break;
	case BEGET_SERVICE_SILENT:
		e->ms = m->silent_ms;
		snprintf(e->text, size, "child %d has reported nothing for %lld ms", (int)m->pid, (long long)e->ms);
		break;
	case BEGET_SERVICE_RECYCLING: snprintf(e->text, size, "child %d will be replaced", (int)m->pid); break;
	case BEGET_SERVICE_ENDED:
		e->status = m->status;
		beget__member_describe(m, e->text, size);
		break;
	default: e->ms = m->delay_ms; snprintf(e->text, size, "the next child starts in %lld ms", (long long)e->ms);
	}
}

static void describe_service(const struct beget_service *s, struct beget_service_event *e)
{
	const size_t size = sizeof(e->text);

	switch (e->kind) {
	case BEGET_SERVICE_RELOADED:
		e->version = s->current->version;
		snprintf(e->text, size, "version %u has taken over", e->version);
		break;
	case BEGET_SERVICE_RELOAD_FAILED: snprintf(e->text, size, "the reload failed: %s", s->why.text); break;
	case BEGET_SERVICE_GAVE_UP: snprintf(e->text, size, "no child was ever healthy: %s", s->why.text); break;
	default: snprintf(e->text, size, "the last child has ended");
	}
}

static void free_reported(struct beget_service *s)
{
	for (struct beget__member **link = &s->first; *link;) {
		struct beget__member *m = *link;
		if (m->stage != BEGET__GONE || m->news) {
			link = &m->next;
			continue;
		}
		*link = m->next;
		beget__member_free(m);
	}
	s->last = &s->first;
	while (*s->last)
		s->last = &(*s->last)->next;
}

bool beget__news_take(struct beget_service *s, struct beget_service_event *ret)
{
	struct beget_service_event e = {0};

	for (struct beget__member *m = s->first; m; m = m->next) {
		if (!m->news)
			continue;
		e.kind = take_lowest(&m->news);
		e.pid = m->pid;
		e.version = m->version;
		describe_child(m, &e);
		free_reported(s);
		*ret = e;
		return true;
	}
	if (!s->news)
		return false;
	e.kind = take_lowest(&s->news);
	describe_service(s, &e);
	s->finished = e.kind == BEGET_SERVICE_STOPPED;
	*ret = e;
	return true;
}
