/* Calls a function whose signature is known only at run time. */
#ifndef BEGET__FFI_H
#define BEGET__FFI_H

#include "call/value.h"

/* Calls it in this process; what it returns is in *result. -ENOMEM, -EINVAL for types that are none. */
int beget__ffi_call(const struct beget_call *, union beget__value *result);

#endif
