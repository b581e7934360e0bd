/* Calls a function whose signature is known only at run time. */
#ifndef BEGET__FFI_H
#define BEGET__FFI_H

#include "call/value.h"
#include "os/arena.h"

/* Calls the function in this process. *result is its return value; for a struct, it points into the arena. -ENOMEM;
 * -EINVAL for invalid types. */
int beget__ffi_call(const struct beget_call *, struct beget__arena *, union beget__value *result);

#endif
