/* A pool: its workers, its tasks, and the threads that wait for them. */
#ifndef BEGET__POOL_H
#define BEGET__POOL_H

#include "caller/forks.h"
#include "keeper/keeper.h"
#include "pool/task.h"
#include "pool/worker.h"

#include <beget/pool.h>
#include <pthread.h>

struct beget_pool {
	struct beget__forked forked; /* must be the first field */
	pid_t owner;
	unsigned references;  /* one for the caller, and one for each task */
	pthread_mutex_t lock; /* protects all fields below */
	pthread_cond_t turn;
	bool led;           /* a thread waits in epoll_wait on behalf of all waiting threads */
	unsigned followers; /* threads that wait for the leading one */

	struct beget_pool_options options; /* start and prepare are copies */
	struct beget_options *start;
	struct beget__shelf shelf;
	struct beget__parcel prepare;
	struct beget__target prepare_target; /* for error sentences */
	bool solo;                           /* a single worker that is not replaced: see beget_worker */

	struct beget__tasks queue, done;
	struct beget_task *oldest, *newest; /* tasks that the caller has not taken */
	size_t unfinished;
	bool slept;   /* the events being handled are new, because the thread has slept */
	bool changed; /* other waiting threads have a reason to look */

	struct beget__worker **workers;
	size_t n, room;
	uint64_t last_id;
	struct beget__keeper keeper;
	struct beget__failure last_failure; /* of a start or a prepare call */
	bool closed, freed;
	bool dismissed;               /* closed, and running tasks are killed: no task begins any more */
	struct beget__failure broken; /* why it accepts no more tasks; code 0: it does */

	int epoll; /* workers' channels and pidfds, the timer, the bell */
	int bell;  /* wakes the leading thread */
	int outer; /* what the caller polls: epoll and flag; -1 until the caller asks for it */
	int flag;  /* readable while there is a finished task */
	int timer;
	bool raised;
	int64_t armed_at;

	struct beget_pool_status counts;
};

#endif
