/* The handle of a started process, shared by its life (process.c), what comes of it (inbox.c), waiting (join.c) and
 * the start methods. */
#ifndef BEGET__PROCESS_H
#define BEGET__PROCESS_H

#include "caller/forks.h"
#include "caller/method.h"
#include "message/order.h"
#include "message/report.h"

#include <beget.h>
#include <pthread.h>

/* Frames on their way in, or the one that holds the result. The helper may speak between the packets of the child. */
struct beget__inbox {
	struct beget__frame frame, between;
	_Alignas(16) char buffer[BEGET__FRAME_PACKET], between_buffer[BEGET__FRAME_PACKET];
};

/* What a call gives back: its result, and what the target leaves in memory of the caller. */
struct beget__promise {
	unsigned result;
	bool kept;   /* the memory is filled */
	size_t size; /* of a BEGET_TYPE_STRUCT */
	uint32_t n;
	struct beget__out {
		void *to;
		size_t size;
	} * outs;
};

struct beget_process {
	struct beget__forked forked;  /* first */
	struct beget_process *orphan; /* the next one */
	bool freed;                   /* by the user, while it ran */
	pid_t owner;                  /* the process that the handle belongs to */
	const struct beget__method *method;
	char what[64]; /* for sentences */
	bool named;    /* by the user */
	bool spare;    /* it was born before its start, of the helper's launch: */
	unsigned generation;
	bool ours;   /* our own child, to be waited for */
	int far;     /* the child's end of the channel, until the child has it */
	int lent[5]; /* opened for the child, until it has them: see BEGET__LENT_ below */
	int ends[3]; /* the caller's ends of pipes to the standard streams, until the user has them */
	int tie;     /* closes when we are gone, and the child is killed */
	int control; /* borrowed while the call is sent: the helper's socket, for nested starts */
	pid_t helper;
	struct beget__target target; /* to tell what it is; without a module for fork */
	void (*function)(void);
	pthread_mutex_t lock; /* over all below, once started */
	pid_t pid;            /* 0: not known yet, or never born */
	int pidfd;            /* -1: not known yet, or none on this kernel */
	uint64_t started;     /* a helper's child without one: with the pid, its name for ever; 0: not known */
	int reserve;          /* keeps a place for the pidfd that its child will send */
	int channel;
	struct beget__inbox *in;
	bool closed;      /* nothing more comes */
	bool call_unread; /* it ended without having read its call */
	bool has_failure, has_crash, has_word, has_result, ended;
	int64_t patient_until; /* it has ended, and its helper may still say how */
	struct beget__failure failure;
	struct beget__crash crash;
	struct beget__exit word;
	struct beget_status status;
	struct beget__promise promise;
	struct beget__answer answer;
	int result_fd;                  /* of a buffer that nobody has asked for yet; -EMFILE: it got lost */
	struct beget__inbox *result_in; /* what the answer points into */
};

enum { BEGET__LENT_CWD, BEGET__LENT_STREAM, BEGET__LENT_TIE = BEGET__LENT_STREAM + 3, BEGET__LENT };

/* A handle with an open channel. what goes into sentences. */
int beget__process_new(struct beget_process **ret, const char *what);

/* The handle of a start that failed: everything is undone; a child that exists ends without running its target. */
void beget__process_abandon(struct beget_process *);

/* A new channel in place of the old one, whose other end hears that it was closed. */
int beget__process_reopen(struct beget_process *);

/* The child has its end of the channel. */
void beget__process_close_far(struct beget_process *);

void beget__process_close_lent(struct beget_process *);

int beget__process_reserve(struct beget_process *);

/* Remembers what the call gives back. */
int beget__process_expect(struct beget_process *, const struct beget_call *);

/* -EINVAL for NULL, -ECHILD in a copy of the process that the handle belongs to; what goes into the sentence. */
int beget__process_check(const struct beget_process *, const char *what);

void beget__process_free_inbox(struct beget__inbox **);

/* Frees the handle. A child that still runs is reaped later. */
void beget__process_free(struct beget_process *);

/* Reaps children whose handles were freed before their end. */
void beget__process_sweep(void);

#endif
