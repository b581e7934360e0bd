/* One call for a worker, from submission to its end. */
#ifndef BEGET__TASK_H
#define BEGET__TASK_H

#include "caller/promise.h"
#include "os/fail.h"
#include "pool/parcel.h"
#include "program/target.h"

#include <beget/pool.h>

enum beget__stage { BEGET__WAITING, BEGET__SENT, BEGET__DONE };

struct beget_task {
	struct beget_task *next, *prev;   /* in the list of its stage */
	struct beget_task *later, *older; /* tasks that the caller has not taken, in the order of submission */
	struct beget_pool *pool;
	enum beget__stage stage;
	bool owned;      /* the caller has had the handle since it was submitted */
	bool quiet;      /* beget_pool_next does not return it */
	bool forgotten;  /* freed by the caller before its end */
	uint32_t number; /* at its worker */
	struct beget__worker *worker;
	int limit_ms; /* 0: none */
	bool expired;
	unsigned retries;
	void *data;
	struct beget__parcel parcel;
	struct beget__promise promise;
	struct beget_status status;
	struct beget__failure failure; /* of BEGET_FAILED */
	struct beget__target target;
};

/* The list of the tasks in one stage. */
struct beget__tasks {
	struct beget_task *first, *last;
	size_t n;
};

void beget__task_append(struct beget__tasks *, struct beget_task *);
void beget__task_prepend(struct beget__tasks *, struct beget_task *);
void beget__task_remove(struct beget__tasks *, struct beget_task *);

/* Creates a waiting task. start, limit_ms and the shelf are the pool's. */
int beget__task_new(struct beget_task **ret, const struct beget_task_options *, const struct beget_options *start,
                    const struct beget_call *, int limit_ms, struct beget__shelf *);

/* Ends a task with this outcome, and a failure if there is one. */
void beget__task_end(struct beget_task *, enum beget_outcome, int code, const struct beget__failure *);

/* Frees a task that is in no list. */
void beget__task_destroy(struct beget_task *);

/* Writes the sentence of beget_task_describe. */
int beget__task_describe(const struct beget_task *, char *text, size_t size);

#endif
