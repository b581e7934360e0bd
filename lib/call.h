/* Calls a function whose signature is known only at run time. */
#ifndef BEGET__CALL_H
#define BEGET__CALL_H

#include "value.h"

/* Calls it in this process; what it returns is in *result. -ENOMEM, -EINVAL for types that are none. */
int beget__call_run(const struct beget_call *, union beget__value *result);

#endif
