/* Sends a call and the caller's state to a child. */
#ifndef BEGET__HANDOVER_H
#define BEGET__HANDOVER_H

#include "caller/plan.h"
#include "wire/bytes.h"
#include "wire/fds.h"

/* Writes what the child must know before its call: the head, and the state in which now differs from born. */
int beget__handover_write(const struct beget__plan *, struct beget_process *, const struct beget__state *now,
                          const struct beget__state *born, struct beget__writer *, struct beget__fds *, int *opened);

/* Sends all of that and the call to a child that has been born; the child shares the common helper. The user's wishes
 * are applied to now. */
int beget__handover_send(const struct beget__plan *, struct beget_process *, struct beget__state *now,
                         const struct beget__state *born);

#endif
