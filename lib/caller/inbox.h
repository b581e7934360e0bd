/* Memory for incoming frames. */
#ifndef BEGET__INBOX_H
#define BEGET__INBOX_H

#include "wire/frame.h"

/* The helper and the child send on the same channel, so a frame of one can arrive between the packets of the
 * other's. */
struct beget__inbox {
	struct beget__frame frame, between;
};

struct beget__inbox *beget__inbox_new(void); /* or NULL */

/* Call it before each frame, because a body that was kept has taken its buffer. space: size of the buffer. False: no
 * memory. */
bool beget__inbox_refill(struct beget__inbox *, size_t space);
void beget__inbox_free(struct beget__inbox **);

#endif
