/* Starts with forkserver: the helper gets the child's end of a channel, and the child gets its call over that channel.
 * The caller waits for neither: the child's pid and exit are also reported over the channel. The caller reads its state
 * while the helper forks. If this helper cannot provide that state, the caller closes the channel, which ends the
 * child, and uses a helper that was born in that state. A spare exists before its start. Runs in the caller. */
#include "caller/by_forkserver.h"

#include "caller/launching.h"
#include "caller/lease.h"
#include "caller/handover.h"
#include "caller/plan.h"
#include "caller/status.h"
#include "os/clock.h"
#include "os/proc.h"

#include <errno.h>

/* Why a try failed that may be repeated. Positive, because every negative errno is a final failure. */
enum {
	BEYOND = 1, /* the helper cannot provide the state */
	GONE,       /* the helper has ended */
	UNFIT,      /* the spare has ended or is not suitable */
	EARLY,      /* the helper ended before it reached beget_init and is launched in another way */
	LATE,       /* there is no time for another try */
};

/* again: the helper was launched for the previous reading. */
static int read_state(const struct beget__plan *plan, const struct beget__view *helper, bool again,
                      struct beget__state *now)
{
	if (!(plan->options.flags & BEGET_SERVER_STATE) || !helper->launched)
		return again ? beget__state_read_again(now) : beget__state_read(now);
	*now = *helper->launched;
	beget__state_read_streams(now);
	return 0;
}

/* The first event on the channel. 0: none came in time. */
static short await_news(const struct beget_process *p, int64_t deadline)
{
	struct pollfd news = {.fd = p->channel.fd, .events = POLLIN};
	int left;

	do {
		left = beget__clock_left_ms(deadline);
		if (beget__fd_poll(&news, 1, left) > 0)
			return news.revents;
	} while (left > 0); /* interrupted */
	return 0;
}

/* With a deadline, the call is sent only after the child is born: once sent, it would run even after the deadline. */
static int await_birth(const struct beget__plan *plan, const struct beget_process *p, int64_t deadline)
{
	return plan->options.timeout_ms <= 0 || await_news(p, deadline) ? 0 : LATE;
}

/* The start that launches a helper waits for it, because it may have to launch another. */
static bool helper_failed(const struct beget__plan *plan, const struct beget_process *p)
{
	enum { ARRIVAL_MS = 1000 };

	return p->words && (await_news(p, beget__clock_deadline(ARRIVAL_MS)) & POLLHUP) &&
	       beget__launching_adapt(plan->connection);
}

/* The helper must know which of its children are tied to the caller, and the caller must know the spare's pid. With a
 * deadline, a spare that was stopped meanwhile is not used. */
static int engage_spare(const struct beget__plan *plan, struct beget_process *p)
{
	bool tied = plan->options.flags & BEGET_TIED;

	if (!tied && plan->options.timeout_ms == 0)
		return 0;
	pthread_mutex_lock(&p->lock);
	beget__status_update(p);
	pthread_mutex_unlock(&p->lock);
	/* the child has another number in its pid namespace */
	bool elsewhere = tied && plan->through;
	if (elsewhere || p->pid <= 0 || p->ended || (plan->options.timeout_ms > 0 && beget__proc_stopped(p->pid)))
		return UNFIT;
	int error = tied ? beget__connection_tie(plan->connection, p->pid) : 0;
	/* the helper has ended or is stopped: an ordinary start can wait for it */
	return error == -EPIPE || error == -EAGAIN ? UNFIT : error;
}

static int make_child(const struct beget__plan *plan, struct beget_process *p)
{
	struct beget__request request = {
		.caller = p->owner,
		.tied = (plan->options.flags & BEGET_TIED) != 0,
		.monitored = plan->monitored,
		.within_ms = plan->options.timeout_ms > 0 ? plan->options.timeout_ms : -1,
	};
	int64_t deadline = beget__clock_deadline(request.within_ms);

	if (p->spare)
		return engage_spare(plan, p);
	int error = beget__connection_start(plan->connection, &p->channel, &request);
	beget__words_free(&p->words); /* of a helper that has ended */
	p->words = beget__words_share(beget__connection_words(plan->connection));
	if (error)
		return error == -EPIPE ? GONE : error == -ETIMEDOUT ? LATE : error;
	beget__process_close_far(p);
	return await_birth(plan, p, deadline);
}

static int try(const struct beget__plan *plan, struct beget_process *p, const struct beget__state *wanted,
               struct beget__state *now)
{
	struct beget__view helper;

	int error = beget__lease_enter(plan->connection, wanted, &helper);
	if (error)
		return error;
	if (p->spare && (p->generation != helper.generation || !beget__connection_lives(plan->connection)))
		error = UNFIT;
	if (!error)
		error = make_child(plan, p);
	if (!error)
		error = read_state(plan, &helper, wanted != NULL, now);
	if (!error && beget__state_beyond(now, helper.born))
		error = BEYOND;
	if (!error)
		error = beget__handover_send(plan, p, now, helper.born);
	if (!error && p->spare && p->channel.unread)
		error = UNFIT; /* it ended while it waited */
	if (!error && helper_failed(plan, p))
		error = EARLY;
	beget__lease_leave(plan->connection);
	return error;
}

static int helpers_end(const struct beget_process *p)
{
	char said[160];

	beget__words_quote(p->words, said, sizeof(said));
	return beget__fail(ECONNRESET, "the helper exits as soon as it is launched%s%s", said[0] ? ": " : "", said);
}

static int start(const struct beget__plan *plan, struct beget_process *p)
{
	enum { TRIES = 6 }; /* a helper may be killed each time it is launched */
	const struct beget__state *wanted = NULL;
	struct beget__state now;
	int error = p->spare ? 0 : beget__process_reserve(p);

	for (int i = 0; i < TRIES && !error; i++) {
		error = try(plan, p, wanted, &now);
		if (error == BEYOND)
			wanted = &now;
		if (error == LATE)
			return beget__fail(ETIMEDOUT, "the server did not create the process within %d ms",
			                   plan->options.timeout_ms);
		if (error <= 0)
			return error;
		error = error == GONE ? 0 : beget__process_reopen(p);
	}
	return error ? error : helpers_end(p);
}

const struct beget__method beget__by_forkserver = {
	.name = "forkserver",
	.place = "a copy of a helper that executes",
	.has_server = true,
	.has_watcher = true,
	.spare = BEGET__WARM,
	.start = start,
};
