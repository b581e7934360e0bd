/* A reading of state: what a process has and its children take over, in addition to the call. */
#ifndef BEGET__READING_H
#define BEGET__READING_H

#include "os/place.h"
#include "os/self.h"

#include <beget.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Read from the caller and its thread, or what one of our processes has from birth. */
struct beget__state {
	/* These are sent. */
	int stream[3]; /* the descriptor for this stream; -1: closed; BEGET__AS_IS: unchanged */
	bool boxed[3]; /* the descriptor is a box with the file: see os/box.h */
	bool own_session;
	int32_t group; /* 0: a group that is invisible in our pid namespace; or BEGET__OWN_GROUP */
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
	char *cwd_path; /* leads to cwd when that is no longer the working directory; else NULL */
	int cwd_fd;     /* the directory to use instead, unless -1 */
	sigset_t mask;
	/* A process can only be born with these. */
	int32_t session;
	struct beget__scheduling scheduling;
	uint64_t credentials, namespaces; /* digests */

	pid_t of;         /* 0: read from the calling thread */
	bool by_launcher; /* of a helper that a launcher executed */
	bool only_birth;  /* only the rows that a running helper may be unable to provide were read */
	uint32_t unseen;  /* bit i: the value of row i could not be read */
	uint64_t number;  /* unique for each reading */
};
#define BEGET__AS_IS     (-2)
#define BEGET__OWN_GROUP (-2)

/* Values from the options that replace the caller's. */
struct beget__wishes {
	char *const *env; /* NULL: the caller's */
	int cwd_fd;       /* -1: the caller's */
	int stream[3];    /* BEGET__AS_IS: the caller's */
	bool boxed[3];
	const struct beget_rlimit *rlimits; /* only those that differ from the caller's */
	size_t rlimits_n;
	bool launched; /* keep what a launcher has set */
	bool own_group, own_session;
};

#endif
