/* A worker's loop: receive a task, begin it unless the caller has withdrawn it, call the target, answer, free. Changes
 * that a task makes to this process stay for the next task; what the library allocated for it does not.
 * Runs in the child. */
#include "child/loop.h"

#include "callee/exchange.h"
#include "callee/stream.h"
#include "child/limit.h"
#include "message/claim.h"
#include "message/report.h"
#include "os/clock.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"

#include <errno.h>

static struct beget__claims *map_claims(int fd)
{
	void *at = NULL;
	int error = beget__file_map_shared(fd, sizeof(struct beget__claims), &at);

	beget__fd_close(&fd);
	if (error)
		beget__fail_errno(-error, "cannot map the memory that is shared with the caller");
	return at;
}

/* Runs the call within its limit. */
static int call(struct beget__exchange *x, int channel, int limit_ms)
{
	int error = limit_ms ? beget__limit_arm(channel, x->frame.tag, limit_ms) : 0;

	if (error)
		return beget__fail_errno(-error, "cannot set the limit of the task");
	error = beget__exchange_call(x);
	if (limit_ms)
		beget__limit_disarm();
	beget__stream_flush();
	return error;
}

/* A failure concerns only the task: the worker continues. But the target may close our channel and open something else
 * at its number: then the worker ends. */
static int run(struct beget__exchange *x, int channel, const struct beget__identity *birth)
{
	int limit_ms = beget__order_get_limit(&x->reader);
	int error = limit_ms < 0 ? limit_ms : beget__exchange_read(x);

	if (!error)
		error = beget__exchange_settle(x);
	if (!error)
		error = call(x, channel, limit_ms);
	if (!beget__fd_is(channel, birth))
		return -EPIPE;
	if (error)
		return beget__report_send_refused(channel, x->frame.tag, beget__fail_last());
	error = beget__exchange_answer(x, channel);
	if (error && error != -EPIPE) {
		beget__fail_errno(-error, "cannot send the result");
		error = beget__report_send_refused(channel, x->frame.tag, beget__fail_last());
	}
	return error;
}

int beget__loop_run(int channel, int claims)
{
	/* a separate buffer: the environment is still in the one that brought the state */
	char *buffer = beget__mem_alloc_aligned(BEGET__ALIGN_MAX, BEGET__PACKET_WIDE);
	struct beget__claims *c = map_claims(claims);
	struct beget__identity birth = beget__fd_identity(channel);
	struct beget__exchange x;
	int got = 0;

	if (!c || !buffer)
		return c ? beget__fail_errno(ENOMEM, "cannot receive tasks") : beget__fail_last()->code;
	beget__exchange_init(&x, buffer);
	x.frame.space = BEGET__PACKET_WIDE;
	beget__report_send_waits(channel);
	while ((got = beget__exchange_receive(&x, channel, BEGET__TASK)) == 1) {
		uint64_t begin = beget__clock_now_ns();
		if (beget__claim_begin(c, x.frame.tag)) {
			got = run(&x, channel, &birth);
			beget__claim_measure(c, beget__clock_now_ns() - begin);
		}
		beget__exchange_end(&x);
		if (got < 0)
			break;
	}
	return got == -EPIPE ? 0 : got;
}
