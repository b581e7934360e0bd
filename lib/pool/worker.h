/* One worker as its pool sees it. */
#ifndef BEGET__WORKER_H
#define BEGET__WORKER_H

#include "keeper/kept.h"
#include "message/claim.h"
#include "pool/task.h"

/* Changes in a worker's tasks. */
struct beget__news {
	struct beget__tasks ended;   /* with their outcome */
	struct beget__tasks unbegun; /* to be run by another worker */
};

struct beget__worker {
	struct beget__kept kept;
	struct beget__claims *claims;
	struct beget__tasks sent; /* in the order in which they were sent */
	uint32_t last;            /* the number of the last task sent */
	bool waits;               /* it has reached its loop */
	bool preparing;           /* its prepare call has not returned */
	bool retiring;            /* it gets no more tasks, and ends after those that it has */
	bool killed;
	bool struck;              /* the signal has been sent */
	bool mad;                 /* it has sent invalid messages */
	struct beget__news *news; /* set while receiving */
	int64_t ended_at;         /* 0: not noticed by any thread */
	bool heavy;               /* it has too much memory */
	unsigned weigh_at;
	unsigned done; /* tasks */
	/* Since when the first of its tasks could run or, without tasks, the worker has been idle. */
	int64_t head_since;
	struct beget__failure failure; /* of its start or its prepare call; code 0: none */
	unsigned most_done;            /* maximum number of tasks; 0: no limit */
	int64_t replace_at;            /* time of replacement; 0: never, or not yet ready */
};

/* Starts a worker; if there is a prepare call, it runs first. */
int beget__worker_start(struct beget__worker **ret, struct beget_pool *, int bell, const struct beget_options *,
                        struct beget__parcel *prepare);

/* It has reached its loop and its prepare call has returned. */
bool beget__worker_ready(const struct beget__worker *);

/* The number of tasks to send ahead: enough to keep the worker busy while the caller is away, but few if tasks are
 * long, because a task behind a long one can be withdrawn only while the caller is in the library. */
size_t beget__worker_depth(const struct beget__worker *);

/* Sends a task; false if the worker cannot take more now. */
bool beget__worker_send(struct beget__worker *, struct beget_task *);

/* Withdraws a task, if it has not begun. */
bool beget__worker_withdraw(struct beget__worker *, struct beget_task *);

/* The task that it is running, or NULL. */
struct beget_task *beget__worker_running(const struct beget__worker *);

/* Receives its messages; false if no more can come. */
bool beget__worker_receive(struct beget__worker *, struct beget__news *);

/* True once it has ended and its status is known: then all of its tasks are in the news. */
bool beget__worker_ended(struct beget__worker *, struct beget__news *);

/* Sends no more tasks: an idle worker ends at once. */
void beget__worker_retire(struct beget__worker *);

void beget__worker_kill(struct beget__worker *);
void beget__worker_free(struct beget__worker *, bool with_process);

#endif
