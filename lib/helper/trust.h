/* Who may ask the helper for a child. */
#ifndef BEGET__TRUST_H
#define BEGET__TRUST_H

#include <stdbool.h>
#include <sys/types.h>

/* The process has the same credentials, namespaces and root directory as this one; false if that cannot be seen. */
bool beget__trust_equal(pid_t);

#endif
