/* What a child takes over from the caller beyond its call: one row per piece of state. */
#ifndef BEGET__STATE_H
#define BEGET__STATE_H

#include "value.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* A reading of the caller, or what a process of ours was born with. */
struct beget__state {
	bool streams; /* descriptors 0 to 2 are the caller's */
	char **env;
	mode_t umask;
	uint64_t ignored; /* bit n-1: signal n */
	pid_t group, session;
	uint64_t cwd_device, cwd_inode;
	sigset_t mask;
};

/* Reads the caller. With only_mask the rest is left as exec will inherit it. */
void beget__state_read(struct beget__state *, bool only_mask);

/* What a freshly exec'd child of the caller has: all of now, but every signal blocked. */
void beget__state_exec(const struct beget__state *now, struct beget__state *ret);

/* What the helper has, launched by a caller in this state. Copies the environment: 0 or -ENOMEM. */
int beget__state_helper(const struct beget__state *now, struct beget__state *ret);
void beget__state_free(struct beget__state *); /* of beget__state_helper */

/* True if a helper born in that state cannot give its children the state of now. */
bool beget__state_beyond(const struct beget__state *now, const struct beget__state *born);

/* Writes the rows in which now differs from born. *opened is a descriptor to close after sending, or -1. */
int beget__state_put(struct beget__writer *, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *, int *opened);

/* In the child: reads the rows and takes them over. The environment stays in the message. */
int beget__state_apply(struct beget__reader *, struct beget__fds *);

#endif
