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
	int poll, timer; /* for beget_server_sentinel; -1: none */
};

/* The program that it executes, or NULL: this one; and what executes it, or NULL: we do. */
const struct beget__executable *beget__connection_program(const struct beget__connection *);
const struct beget__launcher *beget__connection_launcher(const struct beget__connection *);

/* True if the next launch would execute the host program. */
bool beget__connection_is_host(const struct beget__connection *);

/* True if the helper was launched by another process, which shares it. */
bool beget__connection_adopted(struct beget__connection *);

/* The connection that the user named, or the shared one. -ECHILD: it belongs to another process. */
int beget__connection_of(struct beget__connection *named, struct beget__connection **ret);

/* Between enter and leave (see caller/lease.h): the helper has not ended, so it can report how spares of its own end.
 */
bool beget__connection_lives(struct beget__connection *);

/* Between enter and leave: sends the child's end of a channel to the helper. -EPIPE: the helper has ended, and the next
 * enter launches another. -ETIMEDOUT: there was no room within the request's time. */
int beget__connection_start(struct beget__connection *, const struct beget__channel *, const struct beget__request *);

/* The first words of a helper that has not reached beget_init yet, or NULL. */
struct beget__words *beget__connection_words(const struct beget__connection *);

/* Informs the helper that a spare is tied to the caller from now on. */
int beget__connection_tie(struct beget__connection *, pid_t);

/* The status of the helper, and its pid. -ESRCH: there is none. */
int beget__connection_health(struct beget__connection *, struct beget__health *ret, pid_t *pid);

/* Between these two calls, the shared control socket is not replaced: see message/control.h. */
void beget__connection_visit(void);
void beget__connection_unvisit(void);

/* With the lock held for writing. Attach: the helper at this socket has just been launched; under the guard of forks.
 * Move: the helper has this pid, and what was launched is its launcher. Drop: closes the connection to the helper,
 * which ends with its last child. */
void beget__connection_attach(struct beget__connection *, int control);
void beget__connection_move(struct beget__connection *, pid_t helper);
void beget__connection_drop(struct beget__connection *);

/* Sets up a connection of its own, not launched yet; and ends it. */
void beget__connection_enlist(struct beget__connection *);
void beget__connection_retire(struct beget__connection *);

#endif
