/* A reading of state: what a process has and its children take over, beyond a call. */
#ifndef BEGET__READING_H
#define BEGET__READING_H

#include "os/place.h"
#include "os/self.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Of the caller and its thread, or what a process of ours has from birth. */
struct beget__state {
	/* These travel. */
	int stream[3]; /* the descriptor to put there, -1: closed, BEGET__AS_IS: leave it */
	bool own_session;
	int32_t group; /* 0: one that cannot be seen from here, or BEGET__OWN_GROUP */
	struct rlimit limits[RLIM_NLIMITS];
	int32_t nice;
	uint64_t affinity[16];
	uint32_t personality;
	int32_t timer_slack;
	int32_t dumpable;
	uint32_t capabilities[6];
	uint32_t umask;
	uint64_t ignored; /* bit n-1: signal n */
	char **env;
	struct beget__place cwd;
	int cwd_fd; /* go there instead, unless -1 */
	sigset_t mask;
	/* These one can only be born with. */
	int32_t session;
	struct beget__scheduling scheduling;
	uint64_t credentials, namespaces; /* digests */

	pid_t of;        /* whose reading: 0, the calling thread's */
	bool only_birth; /* only the rows that a helper may be unable to give were read */
	uint32_t unseen; /* bit i: the value of row i could not be read */
	uint64_t number; /* of the reading: no two have the same */
};
#define BEGET__AS_IS     (-2)
#define BEGET__OWN_GROUP (-2)

/* What the user asked for instead of the caller's. */
struct beget__wishes {
	char *const *env; /* NULL: the caller's */
	int cwd_fd;       /* -1: the caller's */
	int stream[3];    /* BEGET__AS_IS: the caller's */
	bool own_group, own_session;
};

#endif
