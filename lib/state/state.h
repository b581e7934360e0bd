/* What a child takes over from the caller beyond its call, and how it travels. The pieces are the rows of rows.c. */
#ifndef BEGET__STATE_H
#define BEGET__STATE_H

#include "state/reading.h"
#include "wire/bytes.h"
#include "wire/fds.h"

/* Reads all of it, or only what exec does not carry over by itself. 0 or a negative errno: -EOPNOTSUPP if something
 * cannot be seen that no launch hands on. What a launch does hand on counts as unseen: only what was launched after
 * this very reading has it. */
int beget__state_read(struct beget__state *);
int beget__state_read_for_exec(struct beget__state *);
void beget__state_read_streams(struct beget__state *); /* only these, into a state that has the rest */

/* The same once more, of a caller for whom a helper was launched after the first reading. */
int beget__state_read_again(struct beget__state *);

/* Of nothing: for a copy of the caller, which has it all. */
void beget__state_none(struct beget__state *);

/* Reads of another process of ours what one can only be born with. */
int beget__state_read_birth(pid_t, struct beget__state *);

void beget__state_wish(struct beget__state *, const struct beget__wishes *);

/* A child that was executed by a caller in this state has all of it, but for what exec takes away. */
void beget__state_exec(const struct beget__state *now, struct beget__state *ret);

/* What the helper has, launched by a caller in this state. */
void beget__state_helper(const struct beget__state *now, struct beget__state *ret);

/* A copy that owns its environment: 0 or -ENOMEM. */
int beget__state_keep(const struct beget__state *, struct beget__state *ret);
void beget__state_free(struct beget__state *); /* of a kept one */

/* In one process: back to what was read before, and signal handlers to none. What only birth gives stays as it is. */
int beget__state_restore(const struct beget__state *before);

/* The name of a row that a helper born in that state cannot give its children, or NULL. */
const char *beget__state_beyond(const struct beget__state *now, const struct beget__state *born);

/* Whether two readings of births have the same credentials, namespaces and root directory, and all of it was seen. */
bool beget__state_same_rights(const struct beget__state *, const struct beget__state *);

/* Writes the rows in which now differs from born. *opened is a descriptor to close after sending, or -1. */
int beget__state_put(struct beget__writer *, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *, int *opened);

/* In the child: reads all rows that were written, into *ret, and which of them; only then takes them over. What the
 * environment's entries point to stays in the message. */
int beget__state_get(struct beget__reader *, struct beget__fds *, uint32_t *which, struct beget__state *ret);
int beget__state_apply(struct beget__reader *, struct beget__fds *);

#endif
