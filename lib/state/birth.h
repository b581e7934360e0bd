/* State that a process can only be born with: how the rows of rows.c read it. 0, or a negative errno if it cannot be
 * seen. */
#ifndef BEGET__BIRTH_H
#define BEGET__BIRTH_H

#include "state/reading.h"

/* status is the text of the status file in /proc, or "" if it was not read. */
int beget__birth_read_session(struct beget__state *, const char *status);
int beget__birth_read_credentials(struct beget__state *, const char *status);
int beget__birth_read_namespaces(struct beget__state *, const char *status);
int beget__birth_read_scheduling(struct beget__state *, const char *status);

/* The nice value that children of the process get, if SCHED_RESET_ON_FORK resets it. */
int beget__birth_read_nice(struct beget__state *, const char *status);

#endif
