/* What one call promises to return: recorded when the call is sent, compared with the answer when it arrives, and
 * copied out when the user asks for it. Runs in the caller. Knows no process and no channel. */
#include "caller/promise.h"

#include "call/buffer.h"
#include "call/type.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void beget__promise_init(struct beget__promise *p)
{
	*p = (struct beget__promise){.buffer = -1};
}

int beget__promise_make(struct beget__promise *p, const struct beget_call *call)
{
	size_t size;
	uint32_t n = 0;

	p->wanted.type = call->result;
	p->wanted.size = call->size;
	for (unsigned i = 0; i < call->n; i++)
		n += beget__value_comes_back(&call->args[i], &size) != NULL;
	if (n == 0)
		return 0;
	p->wanted.outs = beget__mem_alloc(n * sizeof(*p->wanted.outs));
	if (!p->wanted.outs)
		return -ENOMEM;
	for (unsigned i = 0; i < call->n; i++) {
		void *to = beget__value_comes_back(&call->args[i], &size);
		if (to)
			p->wanted.outs[p->wanted.n++] = (struct beget__out){to, size};
	}
	return 0;
}

/* A child whose memory its target has corrupted could send anything. */
static bool as_promised(const struct beget__promise *p, struct beget__answer answer)
{
	bool fits = answer.type == p->wanted.type && answer.outs == p->wanted.n &&
	            (answer.type != BEGET_TYPE_STRUCT || answer.size == p->wanted.size);
	size_t size;

	for (uint32_t i = 0; i < p->wanted.n && fits; i++)
		fits = beget__order_next_out(&answer, &size) && size == p->wanted.outs[i].size;
	return fits;
}

/* True if the answer is read after the frame is cleared, and points into it. */
static bool needs_body(const struct beget__promise *p, bool settled)
{
	unsigned type = p->wanted.type;

	return type == BEGET_TYPE_STRING || type == BEGET_TYPE_BYTES || type == BEGET_TYPE_STRUCT ||
	       (p->wanted.n > 0 && !settled);
}

void beget__promise_take(struct beget__promise *p, struct beget__frame *f, bool settled)
{
	struct beget__answer answer;

	if (p->answered)
		return;
	if (needs_body(p, settled))
		beget__frame_keep(f, &p->body);
	if (!beget__order_get_result(f, &answer)) {
		beget__frame_free(&p->body);
		return;
	}
	int fd = answer.type == BEGET_TYPE_BUFFER && answer.size > 0 ? answer.value.fd.fd : -1;
	if (!as_promised(p, answer)) { /* free it now: there may be thousands of promises */
		beget__frame_free(&p->body);
		beget__fd_close(&fd);
		return;
	}
	p->answered = true;
	p->answer = answer;
	p->buffer = fd;
	if (answer.type == BEGET_TYPE_BUFFER)
		p->answer.value.buffer = NULL;
	if (settled)
		beget__promise_deliver(p);
}

bool beget__promise_kept(const struct beget__promise *p)
{
	return p->answered;
}

void beget__promise_disbelieve(struct beget__promise *p)
{
	p->answered = false;
}

void beget__promise_deliver(struct beget__promise *p)
{
	struct beget__answer answer = p->answer;
	size_t size;

	if (!p->answered || p->delivered)
		return;
	p->delivered = true;
	for (uint32_t i = 0; i < p->wanted.n; i++) {
		const void *out = beget__order_next_out(&answer, &size);
		memcpy(p->wanted.outs[i].to, out, size);
	}
}

void beget__promise_forget(struct beget__promise *x)
{
	x->delivered = true;
}

/* A buffer is mapped only when the user asks for it. */
static int open_buffer(struct beget__promise *p)
{
	int fd = p->buffer;

	if (fd == -1)
		return 0;
	if (fd < 0)
		return beget__fail_errno(-fd, "cannot receive the buffer that the target returned");
	p->buffer = -1;
	int error = beget__buffer_adopt(fd, p->answer.size, &p->answer.value.buffer);
	return error ? beget__fail_errno(-error, "cannot map the buffer that the target returned") : 0;
}

static int fail_type(const struct beget__type *is, const struct beget__type *wanted)
{
	return beget__fail(EINVAL, "the result is %s%s, not %s%s", beget__type_article(is), is->name,
	                   beget__type_article(wanted), wanted->name);
}

int beget__promise_result(struct beget__promise *p, unsigned type, size_t size, void *ret)
{
	const struct beget__answer *a = &p->answer;
	const struct beget__type *is = beget__type_of(a->type);
	size_t there = a->type == BEGET_TYPE_STRUCT ? a->size : is->size;

	if (!p->answered || a->type == BEGET_TYPE_VOID)
		return beget__fail(ENODATA, "there is no result: the target did not return or returns void");
	if (a->type != type)
		return fail_type(is, beget__type_of(type));
	if (there != size)
		return beget__fail(EINVAL, "the result has %zu bytes, not %zu", there, size);
	int error = a->type == BEGET_TYPE_BUFFER ? open_buffer(p) : 0;
	if (!error)
		memcpy(ret, a->type == BEGET_TYPE_STRUCT ? a->value.pointer : &a->value, size);
	return error;
}

void beget__promise_free(struct beget__promise *p)
{
	beget__frame_free(&p->body);
	if (p->answer.type == BEGET_TYPE_BUFFER)
		beget_buffer_free(p->answer.value.buffer);
	free(p->wanted.outs);
}

void beget__promise_release(const struct beget__promise *p)
{
	beget__fd_close_number(p->buffer);
}
