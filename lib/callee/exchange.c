/* One call, on the side that runs it: from the message with target and arguments to the message with the result.
 * Runs in child and helper. */
#include "callee/exchange.h"

#include "call/buffer.h"
#include "callee/ffi.h"
#include "os/fail.h"

#include <errno.h>
#include <string.h>

static void reset(struct beget__exchange *x)
{
	memset(&x->reader, 0, offsetof(struct beget__exchange, arena) - offsetof(struct beget__exchange, reader));
}

void beget__exchange_init(struct beget__exchange *x, char *buffer)
{
	beget__frame_init(&x->frame, buffer, NULL);
	memset(&x->arena, 0, offsetof(struct beget__arena, first));
	reset(x);
}

int beget__exchange_receive(struct beget__exchange *x, int channel, enum beget__message kind)
{
	struct beget__frame *f = &x->frame;
	int got = beget__frame_receive(channel, f, 0);

	if (got == -ECONNRESET) /* the other end closed with unread data, but the call may still be readable */
		got = beget__frame_receive(channel, f, 0);
	if (got == 0 || got == -ECONNRESET)
		return 0;
	if (got != 1 || f->kind != kind)
		return beget__fail_errno(got < 0 ? -got : EBADMSG, "cannot receive the call");
	x->reader = (struct beget__reader){f->body, 0, f->size, false};
	x->fds = (struct beget__fds){f->fds, f->nfds, f->nfds};
	return 1;
}

int beget__exchange_read(struct beget__exchange *x)
{
	int error = beget__order_get_call(&x->reader, &x->fds, &x->arena, &x->order);

	for (int i = 0; i < x->fds.n; i++) /* descriptors that are not arguments */
		beget__fd_close(&x->fds.fds[i]);
	return error;
}

static int settle_function(const struct beget_arg *arg, union beget__value *value)
{
	struct beget__reader r = {value->pointer, 0, arg->size, false};
	struct beget__target target;

	if (!value->pointer)
		return 0;
	beget__target_get(&r, &target);
	return beget__target_resolve(&target, &value->function);
}

static int settle_buffer(const struct beget_arg *arg, union beget__value *value)
{
	int fd = value->fd.fd;

	value->buffer = NULL;
	if (arg->size == 0)
		return 0;
	int error = beget__buffer_adopt(fd, arg->size, &value->buffer);
	return error ? beget__fail_errno(-error, "cannot map the buffer") : 0;
}

static int settle_out(struct beget__arena *arena, const struct beget_arg *arg, union beget__value *value)
{
	bool wanted = value->ul != 0;

	value->pointer = NULL;
	if (!wanted)
		return 0;
	value->pointer = beget__arena_alloc(arena, beget__value_align(arg->size), arg->size + 1);
	return value->pointer ? 0 : beget__fail_errno(ENOMEM, "cannot allocate %zu bytes", arg->size);
}

static int settle_descriptor(struct beget__exchange *x, unsigned i)
{
	if (!x->passed)
		x->passed = beget__arena_alloc(&x->arena, _Alignof(max_align_t), x->order.call.n * sizeof(*x->passed));
	if (!x->passed)
		return beget__fail_errno(ENOMEM, "cannot allocate memory for the descriptor");
	x->passed[i] = beget__fd_identity(x->order.values[i].fd.fd);
	return 0;
}

static int settle(struct beget__exchange *x, unsigned i)
{
	const struct beget_arg *arg = &x->order.args[i];
	union beget__value *value = &x->order.values[i];

	switch (arg->type) {
	case BEGET_TYPE_FUNCTION: return settle_function(arg, value);
	case BEGET_TYPE_BUFFER: return settle_buffer(arg, value);
	case BEGET_TYPE_FD: return settle_descriptor(x, i);
	default: return arg->flags & BEGET_ARG_OUT ? settle_out(&x->arena, arg, value) : 0;
	}
}

int beget__exchange_settle(struct beget__exchange *x)
{
	int error = beget__target_resolve(&x->order.target, &x->order.call.function);

	while (!error && x->settled < x->order.call.n) {
		error = settle(x, x->settled++);
		if (error)
			error = beget__fail_prefix("argument %u", x->settled);
	}
	return error;
}

int beget__exchange_inherit(struct beget__exchange *x, const struct beget_call *call)
{
	struct beget__order *o = &x->order;
	int error = 0;

	o->call = *call;
	if (!beget__order_make_room(o, &x->arena, call->n))
		return beget__fail_errno(ENOMEM, "cannot allocate memory for the arguments");
	for (unsigned i = 0; i < call->n && !error; i++) {
		o->args[i] = call->args[i];
		if (!(o->args[i].flags & BEGET_ARG_OUT))
			continue;
		o->values[i].ul = beget__value_of(&o->args[i]).pointer != NULL;
		o->args[i].value = &o->values[i];
		if (settle_out(&x->arena, &o->args[i], &o->values[i]))
			error = beget__fail_prefix("argument %u", i + 1);
	}
	return error;
}

int beget__exchange_call(struct beget__exchange *x)
{
	int error = beget__ffi_call(&x->order.call, &x->arena, &x->result);

	return error ? beget__fail_errno(-error, "cannot call the target") : 0;
}

bool beget__exchange_returns(const struct beget__exchange *x)
{
	const struct beget_call *call = &x->order.call;
	size_t size;

	for (unsigned i = 0; i < call->n; i++)
		if (beget__value_comes_back(&call->args[i], &size))
			return true;
	return call->result != BEGET_TYPE_VOID;
}

int beget__exchange_answer(const struct beget__exchange *x, int channel)
{
	return beget__order_send_result(channel, x->frame.tag, &x->order.call, &x->result);
}

/* The target gives its reference to the returned buffer to the library, unless the buffer is an argument. The receiver
 * of the result gets its own. */
static void release_result(struct beget__exchange *x)
{
	if (x->order.call.result != BEGET_TYPE_BUFFER)
		return;
	for (unsigned i = 0; i < x->order.call.n; i++)
		if (x->order.args[i].type == BEGET_TYPE_BUFFER && x->order.values[i].buffer == x->result.buffer)
			return;
	beget_buffer_free(x->result.buffer);
}

static void release_buffer(const struct beget_arg *arg, union beget__value *value, bool settled)
{
	if (settled)
		beget_buffer_free(value->buffer);
	else if (arg->size > 0)
		beget__fd_close(&value->fd.fd);
}

static void release_arguments(struct beget__exchange *x)
{
	for (unsigned i = 0; i < x->order.call.n; i++) {
		const struct beget_arg *arg = &x->order.args[i];
		union beget__value *value = &x->order.values[i];
		bool settled = i < x->settled;
		if (arg->type == BEGET_TYPE_BUFFER)
			release_buffer(arg, value, settled);
		else if (arg->type == BEGET_TYPE_FD &&
		         (!settled || !x->passed || beget__fd_is(value->fd.fd, &x->passed[i])))
			beget__fd_close(&value->fd.fd);
	}
}

void beget__exchange_end(struct beget__exchange *x)
{
	release_result(x);
	release_arguments(x);
	beget__arena_reset(&x->arena);
	beget__frame_clear(&x->frame);
	reset(x);
}
