/* A pool: its workers, its tasks, and who waits for them. */
#ifndef BEGET__POOL_H
#define BEGET__POOL_H

#include "caller/forks.h"
#include "keeper/keeper.h"
#include "pool/task.h"
#include "pool/worker.h"

#include <beget/pool.h>
#include <pthread.h>

struct beget_pool {
	struct beget__forked forked; /* first */
	pid_t owner;
	unsigned references;  /* the caller's, and one for each task */
	pthread_mutex_t lock; /* over all below */
	pthread_cond_t turn;
	bool led;           /* a thread waits in epoll_wait, for all that wait */
	unsigned followers; /* threads that wait for that one */

	struct beget_pool_options options; /* start and prepare are copies */
	struct beget_options *start;
	struct beget__parcel prepare;
	struct beget__target prepare_target; /* for sentences */
	bool solo;                           /* of one worker that is not replaced: see beget_worker */

	struct beget__tasks queue, done;
	struct beget_task *oldest, *newest; /* of those that the caller has not taken */
	size_t unfinished;
	bool slept;   /* what is looked at has happened just now: it ended a sleep */
	bool changed; /* others that wait have reason to look */

	struct beget__worker **workers;
	size_t n, room;
	uint64_t last_id;
	struct beget__keeper keeper;
	struct beget__failure last_failure; /* of a start or a prepare call */
	bool closed, freed;
	bool dismissed;               /* closed, and what was still under way is killed: nothing begins any more */
	struct beget__failure broken; /* why it takes no more tasks; code 0: it does */

	int epoll; /* workers' channels and pidfds, the timer, the bell */
	int bell;  /* wakes the thread that leads */
	int outer; /* what the caller polls: epoll and flag; -1 until it asks for it */
	int flag;  /* readable while there is a finished task */
	int timer;
	bool raised;
	int64_t armed_at;

	struct beget_pool_status counts;
};

#endif
