/* Start options that outlive the call to which they were given. */
#ifndef BEGET__COPY_H
#define BEGET__COPY_H

#include <beget.h>

/* One block that has all that the options point to, but for the server. -EINVAL for a stream that only one process can
 * have. NULL options are all defaults. */
int beget__copy_options(const struct beget_options *, unsigned more_flags, bool for_many, struct beget_options **ret);

#endif
