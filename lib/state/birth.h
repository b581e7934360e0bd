/* State that one can only be born with: how the rows of rows.c read it. 0 or a negative errno: it could not be seen. */
#ifndef BEGET__BIRTH_H
#define BEGET__BIRTH_H

#include "state/reading.h"

/* status is the text of the status file in /proc, "" without. */
int beget__birth_read_session(struct beget__state *, const char *status);
int beget__birth_read_credentials(struct beget__state *, const char *status);
int beget__birth_read_namespaces(struct beget__state *, const char *status);
int beget__birth_read_scheduling(struct beget__state *, const char *status);

/* What children of the process have of its nice value, where SCHED_RESET_ON_FORK takes it from them. */
int beget__birth_read_nice(struct beget__state *, const char *status);

#endif
