/* A service: its children, the editions of their call, and its unreported events. */
#ifndef BEGET__SERVICE_H
#define BEGET__SERVICE_H

#include "caller/forks.h"
#include "os/fail.h"
#include "service/edition.h"
#include "service/member.h"

#include <beget/service.h>
#include <pthread.h>

struct beget_service {
	struct beget__forked forked; /* first */
	pid_t owner;
	pthread_mutex_t lock; /* over all below */
	struct beget_service_options options;
	unsigned wanted; /* number of children */
	unsigned most;   /* the largest wanted so far: as many may be finishing at once */

	struct beget__edition *current;
	struct beget__edition *next;         /* a reload in progress; NULL: none */
	struct beget__edition *old;          /* list of editions whose children are finishing */
	unsigned version;                    /* of the newest edition */
	struct beget__member *first, **last; /* in the order of their starts */
	uint64_t last_id;

	bool healthy;              /* a child has been healthy at some time */
	bool stopping;             /* no more children are started */
	bool starting;             /* a child is being started */
	bool spent;                /* the last child that was wanted has ended and is not replaced */
	bool forgave;              /* the caller was late the last time too */
	int64_t looked_at, due;    /* when the children were attended to, and when that is due again */
	unsigned news;             /* bits 1 << kind: events of the whole service that have not been taken */
	bool finished;             /* the last event has been taken */
	struct beget__failure why; /* of a failed reload, or of giving up */

	int epoll, timer;
	struct beget_service_status counts;
};

/* The numbers of events. Those of children are higher, because their ids are not 0. */
enum { BEGET__SERVICE_TIMER, BEGET__SERVICE_SERVER };

#endif
