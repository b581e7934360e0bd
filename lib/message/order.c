/* Messages with calls and results: only this file knows their fields and their order.
 * Runs in every process. */
#include "message/order.h"

#include "call/layout.h"
#include "message/message.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/file.h"
#include "wire/send.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Writes what the target left in the memory of outputs, in the order of the arguments. */
static void put_outs(struct beget__writer *w, const struct beget_call *call)
{
	uint32_t n = 0;
	size_t size;

	for (unsigned i = 0; i < call->n; i++)
		n += beget__value_comes_back(&call->args[i], &size) != NULL;
	beget__bytes_put_u32(w, n);
	for (unsigned i = 0; i < call->n && n > 0; i++) {
		const void *out = beget__value_comes_back(&call->args[i], &size);
		if (!out)
			continue;
		beget__bytes_put_u64(w, size);
		beget__bytes_put(w, out, size);
	}
}

/* The target's soft limits must not apply to its result: without a file, sending a large result would wait for a reader
 * that may be waiting for this process to end. The limits are restored for exit handlers. */
int beget__order_send_result(int socket, uint32_t tag, const struct beget_call *call, const union beget__value *value)
{
	struct beget__writer w = {0};
	struct beget__fds fds = {&(int){-1}, 0, 1};
	struct rlimit before[BEGET__FILE_LIMITS];
	const struct iovec *iov = NULL;

	beget__bytes_put_u32(&w, call->result);
	int error = beget__value_put_result(&w, call, value, &fds);
	put_outs(&w, call);
	bool large = w.total > (tag ? BEGET__PACKET_ONE : BEGET__FRAME_INLINE);
	if (large)
		beget__file_raise_limits(before);
	int n = error ? error : beget__bytes_finish(&w, &iov);
	error = n < 0 ? n : beget__send_tagged(socket, BEGET__RESULT, tag, iov, n, fds.fds, fds.n);
	if (large)
		beget__file_restore_limits(before);
	beget__bytes_free(&w);
	return error;
}

const void *beget__order_next_out(struct beget__answer *answer, size_t *size)
{
	uint64_t n = beget__bytes_get_u64(&answer->rest);

	*size = (size_t)n;
	return beget__bytes_get_view(&answer->rest, n);
}

bool beget__order_get_result(struct beget__frame *f, struct beget__answer *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__fds fds = {f->fds, f->nfds, f->nfds};
	struct beget__answer answer = {0};
	size_t size;

	answer.type = beget__bytes_get_u32(&r);
	beget__value_get_result(&r, answer.type, &answer.size, &fds, &answer.value);
	answer.outs = beget__bytes_get_u32(&r);
	answer.rest = r;
	struct beget__answer walk = answer;
	for (uint32_t i = 0; i < answer.outs && !walk.rest.bad; i++)
		beget__order_next_out(&walk, &size);
	if (!walk.rest.bad && walk.rest.at == walk.rest.size) {
		*ret = answer;
		return true;
	}
	if (answer.type == BEGET_TYPE_BUFFER && answer.size > 0 && answer.value.fd.fd > 0)
		beget__fd_close(&answer.value.fd.fd);
	return false;
}

static int put_optional_fd(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	beget__bytes_put_u32(w, fd >= 0);
	return fd >= 0 ? beget__fds_put(w, fds, fd) : 0;
}

static int get_optional_fd(struct beget__reader *r, struct beget__fds *fds)
{
	if (!beget__bytes_get_u32(r))
		return -1;
	int fd = beget__fds_get(r, fds, true);
	r->bad |= fd < 0; /* a lost descriptor must not count as "no tie": the child would run untied */
	return fd;
}

int beget__order_put_head(struct beget__writer *w, const struct beget__head *head, struct beget__fds *fds)
{
	beget__bytes_put_u32(w, BEGET__PROTOCOL);
	beget__bytes_put_u32(w, (uint32_t)head->caller);
	beget__bytes_put_u64(w, head->caller_started);
	beget__bytes_put_u32(w, head->flags);
	beget__bytes_put_u32(w, (uint32_t)head->limit_ms);
	beget__bytes_put_string(w, head->name);
	beget__bytes_put_u32(w, (uint32_t)head->helper);
	int error = put_optional_fd(w, fds, head->tie);
	if (!error)
		error = put_optional_fd(w, fds, head->control);
	return error ? error : put_optional_fd(w, fds, head->claims);
}

int beget__order_get_head(struct beget__reader *r, struct beget__fds *fds, struct beget__head *ret)
{
	if (beget__bytes_get_u32(r) != BEGET__PROTOCOL)
		return beget__fail(
			EPROTO,
			"cannot read the call: the child uses another version of the beget library than the caller");
	ret->caller = (pid_t)beget__bytes_get_u32(r);
	ret->caller_started = beget__bytes_get_u64(r);
	ret->flags = beget__bytes_get_u32(r);
	ret->limit_ms = (int)beget__bytes_get_u32(r);
	ret->name = beget__bytes_get_string(r);
	ret->helper = (pid_t)beget__bytes_get_u32(r);
	ret->tie = get_optional_fd(r, fds);
	ret->control = get_optional_fd(r, fds);
	ret->claims = get_optional_fd(r, fds);
	return r->bad ? beget__fail_errno(EBADMSG, "cannot read the call") : 0;
}

/* Eight bytes, for the alignment of what follows. */
void beget__order_put_limit(struct beget__writer *w, int ms)
{
	beget__bytes_put_u64(w, (uint64_t)ms);
}

int beget__order_get_limit(struct beget__reader *r)
{
	uint64_t ms = beget__bytes_get_u64(r);

	return r->bad || ms > INT_MAX ? beget__fail_errno(EBADMSG, "cannot read the task") : (int)ms;
}

int beget__order_put_call(struct beget__writer *w, const struct beget__target *target, const struct beget_call *call,
                          struct beget__fds *fds)
{
	beget__target_put(w, target);
	beget__bytes_put_u32(w, call->result);
	if (call->result == BEGET_TYPE_STRUCT)
		beget__layout_put(w, call->layout);
	beget__bytes_put_u32(w, call->named);
	beget__bytes_put_u32(w, call->n);
	for (unsigned i = 0; i < call->n; i++) {
		const struct beget_arg *arg = &call->args[i];
		beget__bytes_put_u32(w, arg->type);
		beget__bytes_put_u32(w, arg->flags);
		int error = beget__value_put(w, arg, fds, target->foreign);
		if (error)
			return error;
	}
	return w->error;
}

static bool get_result_type(struct beget__reader *r, struct beget__arena *arena, struct beget_call *ret)
{
	ret->result = beget__bytes_get_u32(r);
	if (ret->result != BEGET_TYPE_STRUCT)
		return true;
	ret->layout = beget__layout_get(r, arena);
	if (!ret->layout)
		return false;
	ret->size = ret->layout->size;
	return !beget__layout_wrong(ret->layout, ret->size);
}

bool beget__order_make_room(struct beget__order *order, struct beget__arena *arena, unsigned n)
{
	order->args = beget__arena_alloc(arena, _Alignof(struct beget_arg), n * sizeof(*order->args));
	order->values = beget__arena_alloc(arena, _Alignof(union beget__value), n * sizeof(*order->values));
	order->call.args = order->args;
	return order->args && order->values;
}

int beget__order_get_call(struct beget__reader *r, struct beget__fds *fds, struct beget__arena *arena,
                          struct beget__order *ret)
{
	enum { ARG_BYTES = 8 }; /* the least that each takes in a message */
	struct beget_call *call = &ret->call;

	memset(ret, 0, sizeof(*ret));
	beget__target_get(r, &ret->target);
	bool fine = get_result_type(r, arena, call);
	call->named = beget__bytes_get_u32(r);
	uint32_t n = beget__bytes_get_u32(r);
	if (!fine || r->bad || n > (r->size - r->at) / ARG_BYTES || call->named > n)
		return beget__fail_errno(EBADMSG, "cannot read the call");
	if (!beget__order_make_room(ret, arena, n))
		return beget__fail_errno(ENOMEM, "cannot read the call");
	for (; call->n < n && !r->bad; call->n++) {
		struct beget_arg *arg = &ret->args[call->n];
		union beget__value *value = &ret->values[call->n];
		arg->type = beget__bytes_get_u32(r);
		arg->flags = beget__bytes_get_u32(r);
		r->bad |= arg->type == BEGET_TYPE_VOID;
		beget__value_get(r, arg, fds, arena, value);
		arg->value = arg->type == BEGET_TYPE_STRUCT ? value->pointer : value;
	}
	return r->bad || r->at != r->size ? beget__fail_errno(EBADMSG, "cannot read the arguments") : 0;
}
