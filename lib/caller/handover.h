/* Handing a call and the caller's state to a child. */
#ifndef BEGET__HANDOVER_H
#define BEGET__HANDOVER_H

#include "caller/plan.h"
#include "wire/bytes.h"
#include "wire/fds.h"

/* Writes down all that the child must know before its call: the head, and where now differs from born. */
int beget__handover_write(const struct beget__plan *, struct beget_process *, const struct beget__state *now,
                          const struct beget__state *born, struct beget__writer *, struct beget__fds *, int *opened);

/* Sends all of that and the call, by which it shares the common helper, to a child that has been born already. What the
 * user wished for comes into now. */
int beget__handover_send(const struct beget__plan *, struct beget_process *, struct beget__state *now,
                         const struct beget__state *born);

#endif
