/* The table of state. */
#ifndef BEGET__ROWS_H
#define BEGET__ROWS_H

#include "state/reading.h"
#include "wire/bytes.h"
#include "wire/fds.h"

#include <stddef.h>

/* One piece of state. */
struct beget__row {
	const char *name;
	size_t offset, size; /* of its value in struct beget__state */
	/* Reads the value from the kernel; status is the text of the status file in /proc, or "" if it was not read. 0,
	 * or a negative errno if the value cannot be seen. NULL: only options set it. */
	int (*read)(struct beget__state *, const char *status);
	/* NULL: if the bytes of the values differ. */
	bool (*differs)(const struct beget__state *now, const struct beget__state *born);
	/* NULL: the bytes of the value are sent. */
	int (*put)(struct beget__writer *, const struct beget__state *, struct beget__fds *, int *opened);
	/* NULL: reads the bytes of the value. 0, -EBADMSG, -EMFILE (a descriptor was lost) or -ENOMEM. */
	int (*get)(struct beget__reader *, struct beget__fds *, struct beget__state *);
	/* Applies the value in the child. NULL: a process can only be born with it. */
	int (*apply)(const struct beget__state *);
	/* True if a helper that was born with one value cannot provide the other. NULL: it always can. */
	bool (*beyond)(const struct beget__state *now, const struct beget__state *born);
	/* Sets the value that changes nothing. NULL: zero. */
	void (*without)(struct beget__state *);
	/* Changes the value as exec, or our launch of a helper, does. NULL: no change. */
	void (*after_exec)(struct beget__state *);
	void (*in_helper)(struct beget__state *);
	/* Not NULL: a launcher may set the value, and its child keeps it unless this returns true. */
	bool (*asked)(const struct beget__state *now);
};
enum { BEGET__ROWS = 19 };
extern const struct beget__row beget__rows[BEGET__ROWS]; /* in the order in which they are applied */

#endif
