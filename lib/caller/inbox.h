/* Memory for incoming frames. */
#ifndef BEGET__INBOX_H
#define BEGET__INBOX_H

#include "wire/frame.h"

/* The helper and the child send on the same channel, so a frame of one can arrive between the packets of the
 * other's. */
struct beget__inbox {
	struct beget__frame frame, between;
	_Alignas(16) char buffer[BEGET__FRAME_PACKET], between_buffer[BEGET__FRAME_PACKET];
};

struct beget__inbox *beget__inbox_new(void); /* or NULL */
void beget__inbox_free(struct beget__inbox **);

#endif
