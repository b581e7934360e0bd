/* Copies calls for later and repeated use: a call is written as for another process and read back, and references in
 * the message are replaced by objects of this process. Runs in the caller. */
#include "call/keep.h"

#include "call/bare.h"
#include "call/buffer.h"
#include "call/layout.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Functions, buffers and descriptors must be those of this process. */
static int put_in_place(const struct beget_arg *from, struct beget_arg *to, union beget__value *value)
{
	union beget__value v = beget__value_of(from);

	to->value = value;
	switch (from->type) {
	case BEGET_TYPE_FUNCTION: value->function = v.function; return 0;
	case BEGET_TYPE_BUFFER: value->buffer = v.buffer ? beget_buffer_ref(v.buffer) : NULL; return 0;
	case BEGET_TYPE_FD: value->fd.fd = beget__fd_dup(v.fd.fd); return value->fd.fd < 0 ? value->fd.fd : 0;
	case BEGET_TYPE_STRUCT: to->value = value->pointer; return 0;
	default: return 0;
	}
}

static int write_down(const struct beget_call *call, struct beget__keep *k, size_t *size)
{
	int numbers[BEGET_FDS_MAX];
	struct beget__fds fds = {numbers, 0, BEGET_FDS_MAX};
	struct beget__writer w = {0};
	int error = 0;

	if (call->layout)
		beget__layout_put(&w, call->layout);
	for (unsigned i = 0; i < call->n && !error; i++)
		error = call->args[i].flags & BEGET__COMES_BACK ? -EINVAL
		                                                : beget__value_put(&w, &call->args[i], &fds, false);
	char *flat = error ? NULL : beget__bytes_flatten(&w, size);
	if (!error && (!flat || !(k->bytes = beget__mem_alloc_aligned(BEGET__ALIGN_MAX, *size + 1))))
		error = -ENOMEM;
	if (!error)
		memcpy(k->bytes, flat, *size);
	free(flat);
	beget__bytes_free(&w);
	return error;
}

/* The copy owns the arguments up to call.n. */
static int read_back(const struct beget_call *call, struct beget__keep *k, size_t size)
{
	int numbers[BEGET_FDS_MAX] = {0};
	struct beget__fds fds = {numbers, BEGET_FDS_MAX, BEGET_FDS_MAX};
	struct beget__reader r = {k->bytes, 0, size, false};
	int error = 0;

	if (call->layout && !(k->call.layout = beget__layout_get(&r, &k->arena)))
		return -ENOMEM;
	for (unsigned i = 0; i < call->n && !error; i++) {
		k->args[i] = call->args[i];
		if (!beget__value_get(&r, &k->args[i], &fds, &k->arena, &k->values[i]))
			return -EBADMSG;
		k->args[i].size = call->args[i].size;
		error = put_in_place(&call->args[i], &k->args[i], &k->values[i]);
		k->call.n += !error;
	}
	return error;
}

static int copy(const struct beget_call *call, struct beget__keep *k)
{
	size_t size = 0;
	int error = write_down(call, k, &size);

	k->call = *call;
	k->call.n = 0;
	k->call.args = k->args = beget__mem_alloc((call->n + 1) * sizeof(*k->args));
	k->values = beget__mem_alloc((call->n + 1) * sizeof(*k->values));
	if (!error && (!k->args || !k->values))
		error = -ENOMEM;
	return error ? error : read_back(call, k, size);
}

int beget__keep_new(const struct beget_call *call, struct beget__keep **ret)
{
	struct beget__keep *k = beget__mem_alloc(sizeof(*k));
	struct beget__bare bare = {0};

	int error = k ? beget__bare_make(&bare, call) : -ENOMEM;
	if (!error)
		error = copy(&bare.call, k);
	beget__bare_free(&bare);
	if (error) {
		beget__keep_free(k);
		return error == -EINVAL
		               ? beget__fail(EINVAL, "cannot copy the call: an argument is sent back to the caller")
		               : beget__fail_errno(-error, "cannot copy the call");
	}
	*ret = k;
	return 0;
}

void beget__keep_free(struct beget__keep *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < k->call.n; i++)
		if (k->args[i].type == BEGET_TYPE_FD)
			beget__fd_close(&k->values[i].fd.fd);
		else if (k->args[i].type == BEGET_TYPE_BUFFER)
			beget_buffer_free(k->values[i].buffer);
	beget__arena_free(&k->arena);
	free(k->args);
	free(k->values);
	free(k->bytes);
	free(k);
}

void beget__keep_release(const struct beget__keep *k)
{
	for (unsigned i = 0; i < k->call.n; i++)
		if (k->args[i].type == BEGET_TYPE_FD)
			beget__fd_close_number(k->values[i].fd.fd);
}
