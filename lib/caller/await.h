/* Waiting for processes. */
#ifndef BEGET__AWAIT_H
#define BEGET__AWAIT_H

#include "caller/process.h"

enum beget__stage { BEGET__STAGE_BORN, BEGET__STAGE_ENDED };

/* Waits until one of n processes (which may be NULL) has reached the stage, and returns its index. -ETIMEDOUT; or
 * -ENOMEM, with a sentence. cancel: the cancellation setting to use while it polls and holds nothing. */
int beget__await_stage(struct beget_process *const *, size_t n, enum beget__stage, int timeout_ms, int cancel);

#endif
