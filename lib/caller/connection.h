/* The caller's side of a helper. */
#ifndef BEGET__CONNECTION_H
#define BEGET__CONNECTION_H

#include "caller/forks.h"
#include "caller/setup.h"
#include "message/control.h"
#include "message/request.h"
#include "program/executable.h"
#include "state/state.h"

#include <beget.h>
#include <pthread.h>
#include <stdatomic.h>

/* A helper, or the place for one: it is launched when it is needed, and again when it is gone. */
struct beget__connection {
	struct beget__forked forked;         /* first */
	pid_t owner;                         /* the process that opened it; zero for the one that all share */
	pthread_rwlock_t lock;               /* for reading: use it; for writing: replace it */
	struct beget__control *control, own; /* what it points to, but for the shared one */
	bool host;                           /* the host program's image: of no use once main has called beget_init */
	int pidfd;                           /* of the helper; -1: none */
	struct beget__identity pidfd_identity;
	unsigned generation; /* grows with each launch */
	struct beget__state launched, born;
	struct beget__setup setup; /* what it is made ready with */
};

/* The program that it executes, or NULL: this one. */
const struct beget__executable *beget__connection_program(const struct beget__connection *);

/* What is known of the helper between enter and leave. */
struct beget__view {
	const struct beget__state *born;     /* what its children have from birth */
	const struct beget__state *launched; /* the caller, when it launched it; NULL: another did */
	unsigned generation;
};

/* The one that the user named, or the one that all share; -ECHILD for that of another process. */
int beget__connection_of(struct beget__connection *named, struct beget__connection **ret);

/* A helper that can give a child the wanted state, or any if that is NULL; launched if need be. Until leave it is not
 * replaced; many threads may be in at once. */
int beget__connection_enter(struct beget__connection *, const struct beget__state *wanted, struct beget__view *ret);
/* The same, but only if a helper runs and no lock has to be waited for. */
bool beget__connection_enter_now(struct beget__connection *, struct beget__view *ret);
void beget__connection_leave(struct beget__connection *);

/* Between enter and leave: it has not ended. Then spares of its own can be told how they end. */
bool beget__connection_lives(struct beget__connection *);

/* Hands the helper a child's end of a channel; only between enter and leave. -EPIPE: the helper is gone, and the next
 * enter launches another. -ETIMEDOUT where there was no room within the request's time. */
int beget__connection_start(struct beget__connection *, int channel, const struct beget__request *);
/* Tells it that a spare is tied to the caller from now on. */
int beget__connection_tie(struct beget__connection *, pid_t);

/* How the helper is, and its pid; -ESRCH if there is none. */
int beget__connection_health(struct beget__connection *, struct beget__health *ret, pid_t *pid);

/* Between these two the shared control socket is not replaced: see message/control.h. */
void beget__connection_visit(void);
void beget__connection_unvisit(void);

/* An object of its own, not launched yet; and the end of it. */
void beget__connection_enlist(struct beget__connection *);
void beget__connection_retire(struct beget__connection *);

#endif
