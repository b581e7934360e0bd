/* Arguments in the child: from what the message names to what the target gets. */
#ifndef BEGET__ARGUMENT_H
#define BEGET__ARGUMENT_H

#include "message/order.h"

/* Of a received call: functions are found, buffers mapped, memory to be written to is there. */
int beget__argument_settle(struct beget__order *);

/* Of a call that a forked child has from its caller: memory to be written to is there, and empty, as by the other
 * methods. */
int beget__argument_settle_fork(struct beget_call *);

#endif
