/* Resource limits in the options of a start. */
#ifndef BEGET__RLIMITS_H
#define BEGET__RLIMITS_H

#include <beget.h>

/* Whether this process may give them to a child. */
int beget__rlimits_check(const struct beget_rlimit *, size_t n);

#endif
