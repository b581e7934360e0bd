/* A started process: what its handle holds, from its making to its end. */
#ifndef BEGET__PROCESS_H
#define BEGET__PROCESS_H

#include "caller/channel.h"
#include "caller/promise.h"
#include "caller/forks.h"
#include "caller/method.h"
#include "caller/stash.h"
#include "message/report.h"
#include "program/target.h"

#include <beget.h>
#include <pthread.h>
#include <stdatomic.h>

/* What helper and child reported of the process itself. */
struct beget__reports {
	bool has_failure, has_crash, has_exit;
	struct beget__failure failure;
	struct beget__crash crash;
	struct beget__exit exit;
};

enum { BEGET__LENT_CWD, BEGET__LENT_STREAM, BEGET__LENT_TIE = BEGET__LENT_STREAM + 3, BEGET__LENT };

struct beget_process {
	struct beget__forked forked; /* first */
	struct beget_process *next;  /* orphan.c's: freed by the user while it ran */
	bool orphan;
	pid_t owner; /* the process that the handle belongs to */

	/* Who it is, for sentences: from start.c. */
	const struct beget__method *method;
	char what[64];
	bool named;                  /* by the user */
	struct beget__target target; /* without a module: not looked up yet */
	void (*function)(void);

	/* The start's own. */
	bool spare; /* it was born before its start, of the helper's launch: */
	unsigned generation;
	int lent[BEGET__LENT]; /* opened for the child, until it has them */
	int ends[3];           /* the caller's ends of pipes to the standard streams, until the user has them */
	int control;           /* borrowed while the call is sent: the helper's socket, for nested starts */
	pid_t helper;

	atomic_uint waiters;  /* threads that may be polling its descriptors: await.c's */
	pthread_mutex_t lock; /* over all below, once started */
	struct beget__channel channel;
	struct beget__promise promise;
	struct beget__stash stash; /* of a worker */
	bool ours;                 /* our own child, to be waited for */
	pid_t pid;                 /* 0: not known yet, or never born */
	int pidfd;                 /* -1: not known yet, or none on this kernel */
	int tie;                   /* closes when we are gone, and the child is killed */

	/* What became of it: status.c's, which others read. */
	uint64_t started; /* a helper's child without a pidfd: with the pid, its name for ever; 0: not known */
	struct beget__reports reports;
	int64_t report_until; /* it has ended, and its helper may still report how until then; 0: it runs */
	bool record_due;      /* it has ended, and the kernel's record comes at any moment */
	bool ended;
	struct beget_status status;
	int sentinel; /* that the user has, -1: none; see sentinel.c */
};

/* A handle with an open channel. what goes into sentences. */
int beget__process_new(struct beget_process **ret, const char *what);

/* The handle of a start that failed: everything is undone; a child that exists ends without running its target. */
void beget__process_abandon(struct beget_process *);

/* As new, with another channel; the child of the old one sees that it was closed. */
int beget__process_reopen(struct beget_process *);

int beget__process_reserve(struct beget_process *); /* a place for the child's pidfd */
void beget__process_close_far(struct beget_process *);
void beget__process_close_lent(struct beget_process *);

/* -EINVAL for NULL, -ECHILD in a copy of the process that the handle belongs to; what goes into the sentence. */
int beget__process_check(const struct beget_process *, const char *what);

/* Its name and pid for a sentence, its lock held. */
enum { BEGET__PROCESS_NAME = 100 };
const char *beget__process_name(const struct beget_process *, char text[BEGET__PROCESS_NAME]);

/* It has ended: closes the descriptors that no one needs any more. Its lock is held. */
void beget__process_settle(struct beget_process *);

void beget__process_destroy(struct beget_process *);

#endif
