/* One worker, as its pool sees it. */
#ifndef BEGET__WORKER_H
#define BEGET__WORKER_H

#include "caller/process.h"
#include "message/claim.h"
#include "pool/task.h"

/* What became of a worker's tasks. */
struct beget__news {
	struct beget__tasks ended;   /* with their outcome */
	struct beget__tasks unbegun; /* to be run elsewhere */
};

struct beget__worker {
	uint64_t id; /* in the pool */
	struct beget_process *process;
	struct beget__claims *claims;
	struct beget__tasks sent; /* in the order in which they were sent */
	uint32_t last;            /* the number of the last task that was sent */
	bool waits;               /* it has reached its loop */
	bool preparing;           /* its prepare call has not returned */
	bool retiring;            /* it gets no more tasks, and ends when it has done what it has */
	bool killed;
	bool mad;                 /* it has sent nonsense */
	struct beget__news *news; /* while it is received from */
	bool watched;             /* its pidfd too */
	bool stirred;             /* it has ended, or seems to have */
	int64_t ended_at;         /* 0: no thread saw it happen */
	bool heavy;               /* it has too much memory */
	unsigned weigh_at;
	unsigned done;                 /* tasks */
	int64_t head_since;            /* the first of its tasks could begin; without tasks: it is idle */
	struct beget__failure failure; /* of its start or its prepare call; code 0: none */
	unsigned most_done;            /* tasks before it is replaced; 0: no such limit */
	int64_t replace_at;            /* the same by time; 0: never */
};

/* Starts one; the prepare call, where there is one, is the first thing that it runs. */
int beget__worker_start(struct beget__worker **ret, struct beget_pool *, int bell, const struct beget_options *,
                        const struct beget__parcel *prepare);

/* It has reached its loop and its prepare call has returned. */
bool beget__worker_ready(const struct beget__worker *);

/* Sends it a task; false if it can take no more now. */
bool beget__worker_send(struct beget__worker *, struct beget_task *);

/* Takes back one task, if it has not begun. */
bool beget__worker_withdraw(struct beget__worker *, struct beget_task *);

/* The task that it runs now, or NULL. */
struct beget_task *beget__worker_running(const struct beget__worker *);

/* Receives what it has sent; false if nothing more will come. */
bool beget__worker_receive(struct beget__worker *, struct beget__news *);

/* True once it has ended and it is known how: then all of its tasks are in the news. */
bool beget__worker_ended(struct beget__worker *, struct beget__news *);

/* No more tasks: one that is idle ends at once. */
void beget__worker_retire(struct beget__worker *);

void beget__worker_kill(struct beget__worker *);
void beget__worker_free(struct beget__worker *, bool with_process);

#endif
