/* Calls a function whose signature is known only at run time. */
#ifndef BEGET__FFI_H
#define BEGET__FFI_H

#include "call/value.h"
#include "os/arena.h"

/* Calls it in this process; what it returns is in *result, and points into the arena for a struct. -ENOMEM, -EINVAL for
 * types that are none. */
int beget__ffi_call(const struct beget_call *, struct beget__arena *, union beget__value *result);

#endif
