/* The table of state. */
#ifndef BEGET__ROWS_H
#define BEGET__ROWS_H

#include "state/state.h"
#include "wire/bytes.h"
#include "wire/fds.h"

/* One piece of state. */
struct beget__row {
	const char *name;
	size_t offset, size; /* of its value in struct beget__state */
	/* From the kernel; status is the text of /proc/thread-self/status, "" without /proc. */
	void (*read)(struct beget__state *, const char *status);
	/* NULL: if the bytes of the values differ. */
	bool (*differs)(const struct beget__state *now, const struct beget__state *born);
	/* NULL: the bytes of the value travel. */
	int (*put)(struct beget__writer *, const struct beget__state *, struct beget__fds *, int *opened);
	/* NULL: the bytes of the value came. 0, or -EBADMSG, or -EMFILE where a descriptor got lost, or -ENOMEM. */
	int (*get)(struct beget__reader *, struct beget__fds *, struct beget__state *);
	/* Takes over the value. NULL: one can only be born with it. */
	int (*apply)(const struct beget__state *);
	/* True if a helper cannot give it. NULL: it can. */
	bool (*beyond)(const struct beget__state *now, const struct beget__state *born);
	bool lost_by_exec;
};
enum { BEGET__ROWS = 19 };
extern const struct beget__row beget__rows[BEGET__ROWS]; /* in the order of taking over */

/* What only exec could change for what runs before main. */
bool beget__rows_env_differ(const struct beget__state *now, const struct beget__state *born);

#endif
