/* Memory for incoming frames: a channel holds it while it receives, and a promise while its result points into it.
 * Runs in the caller. */
#include "caller/inbox.h"

#include "os/mem.h"

#include <stdlib.h>

struct beget__inbox *beget__inbox_new(void)
{
	struct beget__inbox *in = beget__mem_alloc_unset(sizeof(*in));

	if (in) {
		beget__frame_init(&in->frame, in->buffer, &in->between);
		beget__frame_init(&in->between, in->between_buffer, NULL);
	}
	return in;
}

void beget__inbox_free(struct beget__inbox **in)
{
	if (*in) {
		beget__frame_clear(&(*in)->frame);
		beget__frame_clear(&(*in)->between);
	}
	free(*in);
	*in = NULL;
}
