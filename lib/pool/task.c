/* Tasks: creating, listing, ending, describing.
 * Runs in the caller, under the lock of the task's pool. */
#include "pool/task.h"

#include "caller/check.h"
#include "caller/options.h"
#include "os/mem.h"
#include "program/symbol.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void beget__task_append(struct beget__tasks *list, struct beget_task *t)
{
	t->next = NULL;
	t->prev = list->last;
	*(t->prev ? &t->prev->next : &list->first) = t;
	list->last = t;
	list->n++;
}

void beget__task_prepend(struct beget__tasks *list, struct beget_task *t)
{
	t->prev = NULL;
	t->next = list->first;
	*(t->next ? &t->next->prev : &list->last) = t;
	list->first = t;
	list->n++;
}

void beget__task_remove(struct beget__tasks *list, struct beget_task *t)
{
	*(t->prev ? &t->prev->next : &list->first) = t->next;
	*(t->next ? &t->next->prev : &list->last) = t->prev;
	list->n--;
}

static int check_options(const struct beget_task_options *given, struct beget_task_options *ret)
{
	const size_t least = offsetof(struct beget_task_options, flags) + sizeof(ret->flags);

	int error = beget__options_copy(ret, sizeof(*ret), given, least, "BEGET_TASK_OPTIONS");
	if (error)
		return error;
	if (ret->flags & ~BEGET_TASK_NEXT)
		return beget__fail(EINVAL, "unknown flags 0x%x", ret->flags & ~BEGET_TASK_NEXT);
	if (ret->limit_ms < BEGET_FOREVER)
		return beget__fail(EINVAL, "limit_ms is negative: %d", ret->limit_ms);
	return 0;
}

static int write_down(struct beget_task *t, const struct beget_options *start, const struct beget_call *call,
                      struct beget__shelf *shelf)
{
	struct beget__plan plan;

	int error = beget__check_task(&plan, start, call);
	if (!error)
		error = beget__parcel_make(&t->parcel, &plan, t->limit_ms, shelf);
	if (!error && (beget__target_keep(&plan.target, &t->target) || beget__promise_make(&t->promise, plan.call)))
		error = beget__fail_errno(ENOMEM, "cannot submit the task");
	beget__check_free(&plan);
	return error;
}

int beget__task_new(struct beget_task **ret, const struct beget_task_options *given, const struct beget_options *start,
                    const struct beget_call *call, int limit_ms, struct beget__shelf *shelf)
{
	struct beget_task_options options;

	int error = check_options(given, &options);
	if (error)
		return error;
	struct beget_task *t = beget__mem_alloc(sizeof(*t));
	if (!t)
		return beget__fail_errno(ENOMEM, "cannot submit the task");
	t->parcel.file = -1;
	t->limit_ms = options.limit_ms ? options.limit_ms : limit_ms;
	t->limit_ms = t->limit_ms > 0 ? t->limit_ms : 0;
	t->retries = options.retries;
	t->data = options.data;
	beget__promise_init(&t->promise);
	t->quiet = !(options.flags & BEGET_TASK_NEXT);
	error = write_down(t, start, call, shelf);
	if (error) {
		beget__task_destroy(t);
		return error;
	}
	*ret = t;
	return 0;
}

void beget__task_end(struct beget_task *t, enum beget_outcome outcome, int code, const struct beget__failure *failure)
{
	t->stage = BEGET__DONE;
	t->worker = NULL;
	t->status.outcome = outcome;
	t->status.code = code;
	if (failure)
		t->failure = *failure;
	beget__parcel_free(&t->parcel);
}

void beget__task_destroy(struct beget_task *t)
{
	beget__parcel_free(&t->parcel);
	beget__promise_free(&t->promise);
	beget__target_free(&t->target);
	free(t);
}

static void describe_end(const struct beget_task *t, char *text, size_t size)
{
	const struct beget_status *s = &t->status;

	if (t->stage != BEGET__DONE) {
		snprintf(text, size, "%s",
		         t->stage == BEGET__SENT ? "was sent to a worker" : "is waiting for a worker");
		return;
	}
	switch (s->outcome) {
	case BEGET_EXITED:
		if (beget__promise_kept(&t->promise))
			snprintf(text, size, "returned");
		else
			snprintf(text, size, "exited with code %d, which ended its worker", s->code);
		break;
	case BEGET_SIGNALED:
		snprintf(text, size, "was terminated by signal %d (%s), which ended its worker", s->code,
		         strsignal(s->code));
		break;
	case BEGET_TIMED_OUT: snprintf(text, size, "was killed when its limit of %d ms ran out", t->limit_ms); break;
	case BEGET_CANCELED: snprintf(text, size, "was canceled before it began"); break;
	case BEGET_FAILED: snprintf(text, size, "failed: %s", t->failure.text); break;
	default: snprintf(text, size, "ended together with its worker, with an unknown status"); break;
	}
}

int beget__task_describe(const struct beget_task *t, char *text, size_t size)
{
	char function[160], end[400];

	beget__symbol_name(t->target.module, t->target.offset, function, sizeof(function));
	describe_end(t, end, sizeof(end));
	return snprintf(text, size, "task %s %s", function, end);
}
