/* Memory for incoming frames.
 * Runs in the caller. */
#include "caller/inbox.h"

#include "os/mem.h"

#include <stdlib.h>

struct beget__inbox *beget__inbox_new(void)
{
	struct beget__inbox *in = beget__mem_alloc_unset(sizeof(*in));

	if (in) {
		beget__frame_init(&in->frame, NULL, &in->between);
		beget__frame_init(&in->between, NULL, NULL);
	}
	return in;
}

static void refill(struct beget__frame *f, size_t space)
{
	if (f->buffer && (f->space >= space || f->started))
		return;
	free(f->buffer);
	f->buffer = beget__mem_alloc_unset(space);
	f->space = space;
}

bool beget__inbox_refill(struct beget__inbox *in, size_t space)
{
	refill(&in->frame, space);
	refill(&in->between, BEGET__PACKET_SIZE);
	return in->frame.buffer && in->between.buffer;
}

void beget__inbox_free(struct beget__inbox **in)
{
	if (*in) {
		beget__frame_clear(&(*in)->frame);
		beget__frame_clear(&(*in)->between);
		free((*in)->frame.buffer);
		free((*in)->between.buffer);
	}
	free(*in);
	*in = NULL;
}
