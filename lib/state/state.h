/* The state that a child takes over from the caller in addition to its call, and how it is sent. Its pieces are the
 * rows of rows.c. */
#ifndef BEGET__STATE_H
#define BEGET__STATE_H

#include "state/reading.h"
#include "wire/bytes.h"
#include "wire/fds.h"

/* Reads all state, or only what exec does not preserve. 0 or a negative errno; -EOPNOTSUPP: a value cannot be seen that
 * a new process would not inherit either. What a new process does inherit counts as unseen: only a process that was
 * launched after this very reading is known to have it. */
int beget__state_read(struct beget__state *);
int beget__state_read_for_exec(struct beget__state *);
void beget__state_read_streams(struct beget__state *); /* only the streams, into a state that has the rest */

/* Reads it again for a caller that launched a helper after its first reading. */
int beget__state_read_again(struct beget__state *);

/* An empty state: for a copy of the caller, which has all of it. */
void beget__state_none(struct beget__state *);

/* Reads from another process of ours the state that a process can only be born with. */
int beget__state_read_birth(pid_t, struct beget__state *);

void beget__state_wish(struct beget__state *, const struct beget__wishes *);

/* What a child has that was executed by a caller in this state: all of it except what exec changes. */
void beget__state_exec(const struct beget__state *now, struct beget__state *ret);

/* What a helper has that was launched by a caller in this state. */
void beget__state_helper(const struct beget__state *now, struct beget__state *ret);

/* Copies the state together with its environment. 0 or -ENOMEM. */
int beget__state_keep(const struct beget__state *, struct beget__state *ret);
void beget__state_free(struct beget__state *); /* of a copy; also its cwd_path */

/* Returns this process to an earlier reading and resets signal handlers. State that a process can only be born with
 * does not change. */
int beget__state_restore(const struct beget__state *before);

/* The name of a row that a helper born with that state cannot provide to its children, or NULL. */
const char *beget__state_beyond(const struct beget__state *now, const struct beget__state *born);

/* True if both readings could see credentials, namespaces and root directory, and these are the same. */
bool beget__state_same_rights(const struct beget__state *, const struct beget__state *);

/* Writes the rows in which now differs from born. *opened is a descriptor to close after sending, or -1. */
int beget__state_put(struct beget__writer *, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *, int *opened);

/* In the child: get reads all written rows into *ret, and which they are; apply then applies them. The strings of the
 * environment stay in the message. */
int beget__state_get(struct beget__reader *, struct beget__fds *, uint32_t *which, struct beget__state *ret);
int beget__state_apply(struct beget__reader *, struct beget__fds *);

#endif
