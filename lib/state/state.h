/* What a child takes over from the caller beyond its call, and how it travels. The pieces themselves are the rows of
 * the table in state.c; snapshot.c reads, compares, writes and applies them all. */
#ifndef BEGET__STATE_H
#define BEGET__STATE_H

#include "wire/bytes.h"
#include "wire/fds.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A reading of the caller and its thread, or what a process of ours has from birth. */
struct beget__state {
	/* These travel. */
	int stream[3]; /* the descriptor that shall be there, -1: closed */
	bool own_session;
	int32_t group; /* 0: one of its own */
	struct rlimit limits[RLIM_NLIMITS];
	int32_t nice;
	uint64_t affinity[16];
	uint32_t personality;
	int32_t timer_slack;
	int32_t dumpable;
	uint32_t capabilities[6]; /* effective, permitted, inheritable: low words, then high */
	uint32_t umask;
	uint64_t ignored; /* bit n-1: signal n */
	char **env;
	struct beget__place {
		uint64_t mount, device, inode;
	} cwd;
	int cwd_fd; /* go there instead, unless -1 */
	sigset_t mask;
	/* With these one can only be born. */
	int32_t session;
	struct {
		int32_t policy, priority, io;
	} scheduling;
	uint64_t credentials, namespaces; /* digests */

	pid_t of;     /* whose reading: 0, the calling thread's */
	bool unknown; /* what can travel was not read, and so must */
};

/* What the user asked for instead of the caller's. */
struct beget__wishes {
	char *const *env; /* NULL: the caller's */
	int cwd_fd;       /* -1: the caller's */
	int stream[3];    /* BEGET__AS_IS: the caller's */
	bool own_group, own_session;
};
#define BEGET__AS_IS (-2)

/* Reads all of it, or only what exec does not carry over by itself. 0 or a negative errno. */
int beget__state_read(struct beget__state *);
void beget__state_read_for_exec(struct beget__state *);
void beget__state_read_streams(struct beget__state *); /* only these, into a state that has the rest */

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

/* Writes the rows in which now differs from born. *opened is a descriptor to close after sending, or -1. */
int beget__state_put(struct beget__writer *, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *, int *opened);

/* In the child: reads all rows that were written, into *ret, and which of them; only then takes them over. What the
 * environment's entries point to stays in the message. */
int beget__state_get(struct beget__reader *, struct beget__fds *, uint32_t *which, struct beget__state *ret);
int beget__state_apply(struct beget__reader *, struct beget__fds *);

#endif
