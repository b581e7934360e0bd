/* Resource limits in the options of a start. */
#ifndef BEGET__RLIMITS_H
#define BEGET__RLIMITS_H

#include <beget.h>

/* 0 if this process may set them for a child. */
int beget__rlimits_check(const struct beget_rlimit *, size_t n);

#endif
