/* Which processes may request a child from the helper. */
#ifndef BEGET__TRUST_H
#define BEGET__TRUST_H

#include <stdbool.h>
#include <sys/types.h>

/* True if the process has the same credentials, namespaces and root directory as this one; false if that cannot be
 * seen. */
bool beget__trust_equal(pid_t);

#endif
