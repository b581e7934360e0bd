/* The caller's side of a helper. */
#ifndef BEGET__CONNECTION_H
#define BEGET__CONNECTION_H

#include "caller/channel.h"
#include "caller/forks.h"
#include "caller/setup.h"
#include "message/control.h"
#include "message/request.h"
#include "program/executable.h"
#include "program/words.h"
#include "state/state.h"

#include <beget.h>
#include <pthread.h>
#include <stdatomic.h>

/* A helper, or the place for one: it is launched when needed, and launched again after it has ended. */
struct beget__connection {
	struct beget__forked forked;         /* must be the first field */
	pid_t owner;                         /* the process that opened it; zero for the shared helper */
	pthread_rwlock_t lock;               /* read: use the helper; write: replace it */
	struct beget__control *control, own; /* control points to own, except for the shared helper */
	/* The helper executes the host program; no longer usable once main has called beget_init. */
	bool host;
	int pidfd; /* of the helper; -1: none */
	struct beget__identity pidfd_identity;
	unsigned generation;        /* increases with each launch */
	struct beget__words *words; /* of the helper, or NULL */
	atomic_bool lazy;           /* the helper must bind functions lazily */
	struct beget__state launched, born;
	struct beget__setup setup; /* how the helper is prepared */
	/* A launch that is under way: nothing uses the helper before it is prepared. */
	bool launching;
	struct beget__progress progress;
	int output;      /* of its launcher; -1: none */
	int poll, timer; /* for beget_server_sentinel; -1: none */
};

/* The program that it executes, or NULL: this one. */
const struct beget__executable *beget__connection_program(const struct beget__connection *);

/* True if the helper was launched by another process, which shares it. */
bool beget__connection_adopted(struct beget__connection *);

/* What is known of the helper between enter and leave. */
struct beget__view {
	const struct beget__state *born;     /* what its children are born with */
	const struct beget__state *launched; /* the state of the caller that launched it; NULL: another process did */
	unsigned generation;
};

/* The connection that the user named, or the shared one. -ECHILD: it belongs to another process. */
int beget__connection_of(struct beget__connection *named, struct beget__connection **ret);

/* Enters a helper that can provide the wanted state (NULL: any), and launches one if necessary. It is not replaced
 * before leave; many threads may be in it at once. */
int beget__connection_enter(struct beget__connection *, const struct beget__state *wanted, struct beget__view *ret);
/* The same, but only if a helper is running and no lock has to be waited for. */
bool beget__connection_enter_now(struct beget__connection *, struct beget__view *ret);
void beget__connection_leave(struct beget__connection *);

/* Launches the helper if it does not run, and prepares it as far as that needs no waiting: 0: it is prepared, -EAGAIN:
 * that is under way. The descriptors of the poll are made by watch. */
int beget__connection_prepare(struct beget__connection *);
int beget__connection_watch(struct beget__connection *);

/* Between enter and leave: the helper has not ended, so it can report how spares of its own end. */
bool beget__connection_lives(struct beget__connection *);

/* Between enter and leave: sends the child's end of a channel to the helper. -EPIPE: the helper has ended, and the next
 * enter launches another. -ETIMEDOUT: there was no room within the request's time. */
int beget__connection_start(struct beget__connection *, const struct beget__channel *, const struct beget__request *);

/* The first words of a helper that has not reached beget_init yet, or NULL. */
struct beget__words *beget__connection_words(const struct beget__connection *);
/* The helper ended before it reached beget_init. True if the next enter launches another one in another way. */
bool beget__connection_adapt(struct beget__connection *);

/* Informs the helper that a spare is tied to the caller from now on. */
int beget__connection_tie(struct beget__connection *, pid_t);

/* The status of the helper, and its pid. -ESRCH: there is none. */
int beget__connection_health(struct beget__connection *, struct beget__health *ret, pid_t *pid);

/* Between these two calls, the shared control socket is not replaced: see message/control.h. */
void beget__connection_visit(void);
void beget__connection_unvisit(void);

/* Sets up a connection of its own, not launched yet; and ends it. */
void beget__connection_enlist(struct beget__connection *);
void beget__connection_retire(struct beget__connection *);

#endif
