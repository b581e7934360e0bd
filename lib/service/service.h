/* A service: its children, the editions of what they run, and what is to be reported. */
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
	unsigned wanted; /* children */
	unsigned most;   /* children that it ever wanted: so many may be finishing at once */

	struct beget__edition *current;
	struct beget__edition *next;         /* being loaded; NULL: none */
	struct beget__edition *old;          /* list: of these, children are finishing */
	unsigned version;                    /* of the newest edition */
	struct beget__member *first, **last; /* in the order in which they were started */
	uint64_t last_id;

	bool healthy;  /* it has been, once */
	bool stopping; /* no child is started any more */
	bool starting; /* a child is being started just now */
	int64_t looked_at;
	unsigned news;             /* bits 1 << kind: events of the whole service that were not taken yet */
	bool finished;             /* the last event was taken */
	struct beget__failure why; /* a reload failed, or the service gave up */

	int epoll, timer;
	struct beget_service_status counts;
};

/* The numbers of children's events begin above these. */
enum { BEGET__SERVICE_TIMER, BEGET__SERVICE_SERVER, BEGET__SERVICE_FIRST_ID };

#endif
