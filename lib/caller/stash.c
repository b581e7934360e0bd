/* A worker's handle can be joined while tasks are running: the answers that the join receives are kept for the pool.
 * Runs in the caller, under the lock of the process. */
#include "caller/stash.h"

#include "message/message.h"
#include "os/mem.h"
#include "os/poll.h"

#include <stdlib.h>

struct beget__stashed {
	struct beget__stashed *next;
	struct beget__inbox *in;
	struct beget__frame *frame; /* inside it */
};

void beget__stash_open(struct beget__stash *s, void *pool, int bell)
{
	s->pool = pool;
	s->bell = bell;
	s->last = &s->first;
}

void beget__stash_close(struct beget__stash *s)
{
	struct beget__inbox *in;
	struct beget__frame *frame;

	while (s->pool && beget__stash_take(s, &in, &frame))
		beget__inbox_free(&in);
	if (s->pool && s->release)
		s->release(s->pool);
	s->pool = NULL;
}

void beget__stash_ring(const struct beget__stash *s)
{
	if (s->pool)
		beget__poll_ring(s->bell);
}

bool beget__stash_is_answer(const struct beget__frame *f)
{
	return f->kind == BEGET__WAITS ||
	       (f->tag > 0 && (f->kind == BEGET__RESULT || f->kind == BEGET__FAILED || f->kind == BEGET__EXPIRED));
}

bool beget__stash_put(struct beget__stash *s, struct beget__inbox **in, struct beget__frame *f)
{
	struct beget__stashed *kept = s->pool && beget__stash_is_answer(f) ? beget__mem_alloc(sizeof(*kept)) : NULL;

	if (!kept)
		return false;
	*kept = (struct beget__stashed){.in = *in, .frame = f};
	*in = NULL;
	*s->last = kept;
	s->last = &kept->next;
	beget__poll_ring(s->bell);
	return true;
}

bool beget__stash_take(struct beget__stash *s, struct beget__inbox **in, struct beget__frame **ret)
{
	struct beget__stashed *first = s->first;

	if (!first)
		return false;
	*in = first->in;
	*ret = first->frame;
	s->first = first->next;
	if (!s->first)
		s->last = &s->first;
	free(first);
	return true;
}
