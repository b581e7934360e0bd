/* A started process: everything that its handle holds, from creation to end. */
#ifndef BEGET__PROCESS_H
#define BEGET__PROCESS_H

#include "caller/channel.h"
#include "caller/promise.h"
#include "caller/forks.h"
#include "caller/method.h"
#include "caller/stash.h"
#include "message/report.h"
#include "program/target.h"
#include "program/words.h"

#include <beget.h>
#include <pthread.h>
#include <stdatomic.h>

/* What helper and child have reported of the process itself. */
struct beget__reports {
	bool has_failure, has_crash, has_exit;
	struct beget__failure failure;
	struct beget__crash crash;
	struct beget__exit exit;
	bool ready, listens, tired; /* signs that the child has sent, */
	unsigned beats;             /* and their number */
};

/* Its place in the set that it is in; used by set.c. */
struct beget__in_set {
	struct beget_set *set; /* NULL: none */
	struct beget_process *next, **link;
	void *data; /* the user's */
};

enum { BEGET__LENT_CWD, BEGET__LENT_STREAM, BEGET__LENT_TIE = BEGET__LENT_STREAM + 3, BEGET__LENT_WORDS, BEGET__LENT };

struct beget_process {
	struct beget__forked forked; /* must be the first field */
	struct beget_process *next;  /* used by orphan.c: freed by the user while running */
	bool orphan;
	struct beget__in_set in_set;
	pid_t owner; /* the process that the handle belongs to */

	/* Identifies the process in sentences; set by start.c. */
	const struct beget__method *method;
	char what[64];               /* "": the name of the function */
	bool named;                  /* by the user */
	int limit_ms;                /* 0: none */
	bool tree;                   /* the processes that it started end with it */
	struct beget__target target; /* without a module: not looked up yet */
	void (*function)(void);

	/* Used only during the start. */
	bool spare; /* it existed before its start, and was born with the state of the helper's launch: */
	unsigned generation;
	int lent[BEGET__LENT]; /* opened for the child, and closed here once the child has them */
	int ends[3];           /* the caller's ends of pipes to the standard streams, until the user gets them */
	int control;           /* borrowed while the call is sent: the helper's socket, for nested starts */
	pid_t helper;
	struct beget__words *words; /* of the executed process, which had not reached beget_init; or NULL */

	atomic_uint waiters;  /* threads that may be polling its descriptors; used by await.c */
	pthread_mutex_t lock; /* protects all fields below, once started */
	struct beget__channel channel;
	struct beget__promise promise;
	struct beget__stash stash; /* for a worker */
	bool ours;                 /* a child of this process, to be waited for */
	pid_t monitor;             /* a child of this process and the parent of that process, to be reaped; 0: none */
	pid_t pid;                 /* 0: not known yet, or never created */
	int pidfd;                 /* -1: not known yet, or not supported by this kernel */
	int tie;                   /* closes when the caller ends, and the child is killed */

	/* What became of it: written by status.c, read by others. */
	uint64_t started; /* for a helper's child without a pidfd: identifies it together with the pid; 0: unknown */
	struct beget__reports reports;
	int64_t report_until; /* it has ended, and until then its helper may still report how; 0: it is running */
	bool record_due;      /* it has ended, and the kernel's record will come soon */
	bool ended;
	struct beget_status status;
	int sentinel; /* the descriptor that the user got, -1: none; see sentinel.c */
};

/* Creates a handle with an open channel. */
int beget__process_new(struct beget_process **ret, const char *what);

/* Frees the handle of a start that failed and undoes everything. A child that exists ends without running its
 * target. */
void beget__process_abandon(struct beget_process *);

/* Gives the handle a new channel; the child of the old one reads end of file. */
int beget__process_reopen(struct beget_process *);

int beget__process_reserve(struct beget_process *); /* reserves a number for the child's pidfd */
void beget__process_close_far(struct beget_process *);
void beget__process_close_lent(struct beget_process *);

/* -EINVAL for NULL; -ECHILD in a forked copy of the process that owns the handle; what is used in the error
 * sentence. */
int beget__process_check(const struct beget_process *, const char *what);

/* Writes its name and pid for a sentence; its lock must be held. */
enum { BEGET__PROCESS_NAME = 200 };
const char *beget__process_name(const struct beget_process *, char text[BEGET__PROCESS_NAME]);
void beget__process_function(const struct beget_process *, char *text, size_t size); /* only the name of its target */

/* After its end: closes the descriptors that are no longer needed. Its lock must be held. */
void beget__process_settle(struct beget_process *);

void beget__process_destroy(struct beget_process *);

#endif
