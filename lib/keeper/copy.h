/* Start options that outlive the call that they were passed to. */
#ifndef BEGET__COPY_H
#define BEGET__COPY_H

#include <beget.h>

/* One block with everything that the options point to, except the server. -EINVAL for a stream that only one process
 * can have. NULL options are defaults. */
int beget__copy_options(const struct beget_options *, unsigned more_flags, bool for_many, struct beget_options **ret);

#endif
