/* Arguments in the child: from what the message names to what the target gets. What is made here lives as long as the
 * child. Runs in the child only; knows no channel. */
#include "callee/argument.h"

#include "call/buffer.h"
#include "os/fail.h"
#include "os/mem.h"

#include <errno.h>

static int settle_function(unsigned position, const struct beget_arg *arg, union beget__value *value)
{
	struct beget__reader r = {value->pointer, 0, arg->size, false};
	struct beget__target target;

	if (!value->pointer)
		return 0;
	beget__target_get(&r, &target);
	int error = beget__target_resolve(&target, &value->function);
	return error ? beget__fail_prefix("argument %u", position) : 0;
}

static int settle_buffer(unsigned position, const struct beget_arg *arg, union beget__value *value)
{
	int fd = value->fd.fd;

	value->buffer = NULL;
	if (arg->size == 0)
		return 0;
	int error = beget__buffer_adopt(fd, arg->size, &value->buffer);
	return error ? beget__fail_errno(-error, "argument %u: cannot map the buffer", position) : 0;
}

static int settle_out(unsigned position, const struct beget_arg *arg, union beget__value *value)
{
	bool wanted = value->ul != 0;

	value->pointer = NULL;
	if (!wanted)
		return 0;
	value->pointer = beget__mem_alloc_cleared(beget__value_align(arg->size), arg->size + 1);
	return value->pointer
	               ? 0
	               : beget__fail_errno(ENOMEM, "argument %u: cannot make room for %zu bytes", position, arg->size);
}

int beget__argument_settle(struct beget__order *order)
{
	int error = 0;

	for (unsigned i = 0; i < order->call.n && !error; i++) {
		const struct beget_arg *arg = &order->args[i];
		union beget__value *value = &order->values[i];
		if (arg->type == BEGET_TYPE_FUNCTION)
			error = settle_function(i + 1, arg, value);
		else if (arg->type == BEGET_TYPE_BUFFER)
			error = settle_buffer(i + 1, arg, value);
		else if (arg->flags & BEGET_ARG_OUT)
			error = settle_out(i + 1, arg, value);
	}
	return error;
}

/* Memory of its own, for the caller's may be shared with the child. */
int beget__argument_settle_fork(struct beget_call *call)
{
	struct beget_arg *args = call->n ? beget__mem_alloc(call->n * sizeof(*args)) : NULL;
	union beget__value *values = call->n ? beget__mem_alloc(call->n * sizeof(*values)) : NULL;
	int error = 0;

	if (call->n && (!args || !values))
		return beget__fail_errno(ENOMEM, "cannot make room for the arguments");
	for (unsigned i = 0; i < call->n && !error; i++) {
		args[i] = call->args[i];
		if (!(args[i].flags & BEGET_ARG_OUT))
			continue;
		values[i].ul = beget__value_of(&args[i]).pointer != NULL;
		error = settle_out(i + 1, &args[i], &values[i]);
		args[i].value = &values[i];
	}
	call->args = args;
	return error;
}
