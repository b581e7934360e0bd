/* The catalogue of messages: the only place that knows which fields they have and in which order.
 * Runs in every process; knows no socket's purpose. */
#include "message.h"

#include "sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Changes with any message. Both ends are one program, but their libbeget.so may be replaced between. */
#define PROTOCOL 1u

struct start {
	uint32_t protocol;
	int32_t caller;
	uint32_t tied;
};

int beget__message_send_start(int socket, int channel, pid_t caller, bool tied)
{
	struct start start = {PROTOCOL, caller, tied};

	return beget__wire_send(socket, BEGET__START, &(struct iovec){&start, sizeof(start)}, 1, &channel, 1);
}

bool beget__message_get_start(const struct beget__frame *f, pid_t *caller, bool *tied)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct start start;

	beget__get(&r, &start, sizeof(start));
	*caller = start.caller;
	*tied = start.tied;
	return f->kind == BEGET__START && f->nfds == 1 && start.protocol == PROTOCOL && !r.bad && r.at == r.size;
}

int beget__message_send_plain(int socket, enum beget__message kind)
{
	return beget__wire_send(socket, kind, NULL, 0, NULL, 0);
}

int beget__message_send_born(int socket, pid_t pid, int pidfd)
{
	int32_t number = pid;

	return beget__wire_send_now(socket, BEGET__BORN, &number, sizeof(number), &pidfd, pidfd >= 0);
}

bool beget__message_get_born(const struct beget__frame *f, pid_t *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	pid_t pid = (pid_t)beget__get_u32(&r);

	if (r.bad || r.at != r.size || pid <= 0 || f->nfds > 1)
		return false;
	*ret = pid;
	return true;
}

int beget__message_send_failed(int socket, const struct beget__failure *failure)
{
	return beget__wire_send_now(socket, BEGET__FAILED, failure, sizeof(*failure), NULL, 0);
}

bool beget__message_get_failed(const struct beget__frame *f, struct beget__failure *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};

	beget__get(&r, ret, sizeof(*ret));
	ret->text[sizeof(ret->text) - 1] = '\0';
	return !r.bad && r.at == r.size && ret->code < 0;
}

int beget__message_send_result(int socket, unsigned type, const union beget__value *value)
{
	struct beget__writer w = {0};
	struct beget__fds none = {0};
	const struct iovec *iov = NULL;

	beget__put_u32(&w, type);
	if (type != BEGET_TYPE_VOID)
		beget__value_put(&w, &(struct beget_arg){.type = type, .value = value}, &none);
	int n = beget__writer_finish(&w, &iov);
	int error = n < 0 ? n : beget__wire_send(socket, BEGET__RESULT, iov, n, NULL, 0);
	beget__writer_free(&w);
	return error;
}

bool beget__message_get_result(const struct beget__frame *f, unsigned *type, union beget__value *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	size_t size;

	*type = beget__get_u32(&r);
	if (*type != BEGET_TYPE_VOID)
		beget__value_get(&r, *type, &size, NULL, ret);
	return !r.bad && r.at == r.size;
}

int beget__message_send_ended(int socket, const struct beget__exit *end)
{
	return beget__wire_send_now(socket, BEGET__ENDED, end, sizeof(*end), NULL, 0);
}

bool beget__message_get_ended(const struct beget__frame *f, struct beget__exit *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};

	beget__get(&r, ret, sizeof(*ret));
	return !r.bad && r.at == r.size;
}

int beget__message_send_crashed(int socket, const struct beget__crash *crash)
{
	return beget__wire_send_now(socket, BEGET__CRASHED, crash, sizeof(*crash), NULL, 0);
}

bool beget__message_get_crashed(const struct beget__frame *f, struct beget__crash *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};

	beget__get(&r, ret, sizeof(*ret));
	ret->module[sizeof(ret->module) - 1] = '\0';
	return !r.bad && r.at == r.size;
}

static int put_optional_fd(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	beget__put_u32(w, fd >= 0);
	return fd >= 0 ? beget__put_fd(w, fds, fd) : 0;
}

static int get_optional_fd(struct beget__reader *r, struct beget__fds *fds)
{
	return beget__get_u32(r) ? beget__get_fd(r, fds, true) : -1;
}

int beget__message_put_head(struct beget__writer *w, const struct beget__head *head, struct beget__fds *fds)
{
	beget__put_u32(w, PROTOCOL);
	beget__put_u32(w, (uint32_t)head->caller);
	beget__put_u64(w, head->caller_started);
	beget__put_u32(w, head->flags);
	beget__put_string(w, head->name);
	beget__put_u32(w, (uint32_t)head->helper);
	int error = put_optional_fd(w, fds, head->tie);
	return error ? error : put_optional_fd(w, fds, head->control);
}

int beget__message_get_head(struct beget__reader *r, struct beget__fds *fds, struct beget__head *ret)
{
	if (beget__get_u32(r) != PROTOCOL)
		return beget__fail_plain(
			EPROTO, "cannot read the call: the beget library here is of another version than the caller's");
	ret->caller = (pid_t)beget__get_u32(r);
	ret->caller_started = beget__get_u64(r);
	ret->flags = beget__get_u32(r);
	ret->name = beget__get_string(r);
	ret->helper = (pid_t)beget__get_u32(r);
	ret->tie = get_optional_fd(r, fds);
	ret->control = get_optional_fd(r, fds);
	return r->bad ? beget__fail(EBADMSG, "cannot read the call") : 0;
}

int beget__message_put_call(struct beget__writer *w, const struct beget__target *target, const struct beget_call *call,
                            struct beget__fds *fds)
{
	beget__target_put(w, target);
	beget__put_u32(w, call->result);
	beget__put_u32(w, call->n);
	for (unsigned i = 0; i < call->n; i++) {
		beget__put_u32(w, call->args[i].type);
		int error = beget__value_put(w, &call->args[i], fds);
		if (error)
			return error;
	}
	return w->error;
}

int beget__message_get_call(struct beget__reader *r, struct beget__fds *fds, struct beget__order *ret)
{
	beget__target_get(r, &ret->target);
	ret->call.result = beget__get_u32(r);
	ret->call.n = beget__get_u32(r);
	if (r->bad || ret->call.n > (r->size - r->at) / sizeof(uint32_t))
		return beget__fail(EBADMSG, "cannot read the call");
	struct beget_arg *args = NULL;
	if (ret->call.n && !(args = beget__sys_alloc(ret->call.n * (sizeof(*args) + sizeof(union beget__value)))))
		return beget__fail(ENOMEM, "cannot read the call");
	union beget__value *values = args ? (union beget__value *)(void *)(args + ret->call.n) : NULL;
	for (unsigned i = 0; i < ret->call.n; i++) {
		args[i].type = beget__get_u32(r);
		args[i].value = &values[i];
		beget__value_get(r, args[i].type, &args[i].size, fds, &values[i]);
	}
	ret->call.args = args; /* these live as long as the child */
	return r->bad || r->at != r->size ? beget__fail(EBADMSG, "cannot read the arguments") : 0;
}
