/* The catalogue of messages: the only place that knows which fields they have and in which order.
 * Runs in every process; knows no socket's purpose. */
#include "message.h"

#include "layout.h"
#include "sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Changes with any message. Both ends are one program, but their libbeget.so may be replaced between. */
#define PROTOCOL 3u

struct start {
	uint32_t protocol;
	int32_t caller;
	uint32_t tied;
	uint32_t spare;
};

int beget__message_send_start(int socket, int channel, const struct beget__request *request)
{
	struct start start = {PROTOCOL, request->caller, request->tied, request->spare};

	return beget__wire_send_within(socket, BEGET__START, &(struct iovec){&start, sizeof(start)}, 1, &channel, 1,
	                               request->within_ms);
}

bool beget__message_get_start(const struct beget__frame *f, struct beget__request *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct start start;

	beget__get(&r, &start, sizeof(start));
	if (f->kind != BEGET__START || f->nfds != 1 || start.protocol != PROTOCOL || start.tied > 1 ||
	    start.spare > BEGET__FRESH || r.bad || r.at != r.size)
		return false;
	*ret = (struct beget__request){.caller = start.caller, .tied = start.tied, .spare = start.spare};
	return true;
}

int beget__message_send_tie(int socket, pid_t pid)
{
	int32_t number = pid;

	return beget__wire_send_now(socket, BEGET__TIE, &number, sizeof(number));
}

bool beget__message_get_tie(const struct beget__frame *f, pid_t *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	pid_t pid = (pid_t)beget__get_u32(&r);

	if (r.bad || r.at != r.size || pid <= 0 || f->nfds > 0)
		return false;
	*ret = pid;
	return true;
}

int beget__message_send_setup(int socket, enum beget__message kind, const char *text, unsigned flags, const int fds[4])
{
	struct beget__writer w = {0};
	enum { QUESTION_MS = 2000 };
	const struct iovec *iov = NULL;
	uint32_t which = 0;
	int sent[4], n = 0;

	for (int i = 0; i < 4; i++)
		if (fds[i] >= 0) {
			which |= 1u << i;
			sent[n++] = fds[i];
		}
	beget__put_u32(&w, PROTOCOL);
	beget__put_u32(&w, flags);
	beget__put_u32(&w, which);
	beget__put_string(&w, text);
	int pieces = beget__writer_finish(&w, &iov);
	int error = pieces < 0 ? pieces : beget__wire_send_within(socket, kind, iov, pieces, sent, n, QUESTION_MS);
	if (error == -EMSGSIZE)
		error = beget__wire_send(socket, kind, iov, pieces, sent, n);
	beget__writer_free(&w);
	return error;
}

bool beget__message_get_setup(struct beget__frame *f, struct beget__question *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__question q = {.fds = {-1, -1, -1, -1}};
	bool known = beget__get_u32(&r) == PROTOCOL;

	q.flags = beget__get_u32(&r);
	uint32_t which = beget__get_u32(&r);
	q.text = beget__get_string(&r);
	if (!known || r.bad || r.at != r.size || which >= 16 || !(which & 1) || f->nfds != __builtin_popcount(which))
		return false;
	for (int i = 0, n = 0; i < 4; i++)
		if (which & 1u << i)
			q.fds[i] = beget__frame_take(f, n++);
	*ret = q;
	return true;
}

int beget__message_send_health(int socket, const struct beget__health *health)
{
	return beget__wire_send_now(socket, BEGET__HEALTH, health, sizeof(*health));
}

bool beget__message_get_health(const struct beget__frame *f, struct beget__health *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__health health;

	beget__get(&r, &health, sizeof(health));
	if (f->kind != BEGET__HEALTH || r.bad || r.at != r.size || f->nfds > 0)
		return false;
	*ret = health;
	return true;
}

int beget__message_send_plain(int socket, enum beget__message kind)
{
	return beget__wire_send_now(socket, kind, NULL, 0);
}

int beget__message_send_born(int socket, pid_t pid, int pidfd)
{
	enum { PATIENCE_MS = 20 }; /* without its descriptor it does too */
	int32_t number = pid;

	return beget__wire_send_within(socket, BEGET__BORN, &(struct iovec){&number, sizeof(number)}, 1, &pidfd,
	                               pidfd >= 0, PATIENCE_MS);
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
	return beget__wire_send_now(socket, BEGET__FAILED, failure, sizeof(*failure));
}

bool beget__message_get_failed(const struct beget__frame *f, struct beget__failure *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__failure failure;

	beget__get(&r, &failure, sizeof(failure));
	if (r.bad || r.at != r.size || failure.code >= 0)
		return false;
	*ret = failure;
	ret->text[sizeof(ret->text) - 1] = '\0';
	return true;
}

/* What the target left in memory that comes back, in the order of the arguments. */
static void put_outs(struct beget__writer *w, const struct beget_call *call)
{
	uint32_t n = 0;
	size_t size;

	for (unsigned i = 0; i < call->n; i++)
		n += beget__value_comes_back(&call->args[i], &size) != NULL;
	beget__put_u32(w, n);
	for (unsigned i = 0; i < call->n && n > 0; i++) {
		const void *out = beget__value_comes_back(&call->args[i], &size);
		if (!out)
			continue;
		beget__put_u64(w, size);
		beget__put(w, out, size);
	}
}

int beget__message_send_result(int socket, const struct beget_call *call, const union beget__value *value)
{
	struct beget__writer w = {0};
	struct beget__fds fds = {&(int){-1}, 0, 1};
	const struct iovec *iov = NULL;

	beget__put_u32(&w, call->result);
	int error = beget__value_put_result(&w, call, value, &fds);
	put_outs(&w, call);
	int n = error ? error : beget__writer_finish(&w, &iov);
	error = n < 0 ? n : beget__wire_send(socket, BEGET__RESULT, iov, n, fds.fds, fds.n);
	beget__writer_free(&w);
	return error;
}

const void *beget__message_next_out(struct beget__answer *answer, size_t *size)
{
	uint64_t n = beget__get_u64(&answer->rest);

	*size = (size_t)n;
	return beget__get_view(&answer->rest, n);
}

bool beget__message_get_result(struct beget__frame *f, struct beget__answer *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__fds fds = {f->fds, f->nfds, f->nfds};
	struct beget__answer answer = {0};
	size_t size;

	answer.type = beget__get_u32(&r);
	beget__value_get_result(&r, answer.type, &answer.size, &fds, &answer.value);
	answer.outs = beget__get_u32(&r);
	answer.rest = r;
	struct beget__answer walk = answer;
	for (uint32_t i = 0; i < answer.outs && !walk.rest.bad; i++)
		beget__message_next_out(&walk, &size);
	if (!walk.rest.bad && walk.rest.at == walk.rest.size) {
		*ret = answer;
		return true;
	}
	if (answer.type == BEGET_TYPE_BUFFER && answer.size > 0 && answer.value.fd.fd > 0)
		beget__sys_close(&answer.value.fd.fd);
	return false;
}

int beget__message_send_ended(int socket, const struct beget__exit *end)
{
	return beget__wire_send_now(socket, BEGET__ENDED, end, sizeof(*end));
}

bool beget__message_get_ended(const struct beget__frame *f, struct beget__exit *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__exit end;

	beget__get(&r, &end, sizeof(end));
	if (r.bad || r.at != r.size)
		return false;
	*ret = end;
	return true;
}

int beget__message_send_crashed(int socket, const struct beget__crash *crash)
{
	return beget__wire_send_now(socket, BEGET__CRASHED, crash, sizeof(*crash));
}

bool beget__message_get_crashed(const struct beget__frame *f, struct beget__crash *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__crash crash;

	beget__get(&r, &crash, sizeof(crash));
	if (r.bad || r.at != r.size)
		return false;
	*ret = crash;
	ret->module[sizeof(ret->module) - 1] = '\0';
	return true;
}

static int put_optional_fd(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	beget__put_u32(w, fd >= 0);
	return fd >= 0 ? beget__put_fd(w, fds, fd) : 0;
}

static int get_optional_fd(struct beget__reader *r, struct beget__fds *fds)
{
	if (!beget__get_u32(r))
		return -1;
	int fd = beget__get_fd(r, fds, true);
	r->bad |= fd < 0; /* a lost one is not none: the child would run untied */
	return fd;
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
	if (call->result == BEGET_TYPE_STRUCT)
		beget__layout_put(w, call->layout);
	beget__put_u32(w, call->named);
	beget__put_u32(w, call->n);
	for (unsigned i = 0; i < call->n; i++) {
		struct beget_arg arg = beget__value_unboxed(&call->args[i]);
		beget__put_u32(w, arg.type);
		beget__put_u32(w, arg.flags);
		int error = beget__value_put(w, &arg, fds);
		if (error)
			return error;
	}
	return w->error;
}

static bool get_result_type(struct beget__reader *r, struct beget__order *ret)
{
	ret->call.result = beget__get_u32(r);
	if (ret->call.result != BEGET_TYPE_STRUCT)
		return true;
	ret->layout = beget__layout_get(r);
	if (!ret->layout)
		return false;
	ret->call.layout = ret->layout;
	ret->call.size = ret->layout->size;
	return !beget__layout_wrong(ret->layout, ret->layout->size);
}

int beget__message_get_call(struct beget__reader *r, struct beget__fds *fds, struct beget__order *ret)
{
	enum { ARG_BYTES = 8 }; /* that each takes in the message, at least */

	memset(ret, 0, sizeof(*ret));
	beget__target_get(r, &ret->target);
	bool fine = get_result_type(r, ret);
	ret->call.named = beget__get_u32(r);
	uint32_t n = beget__get_u32(r);
	if (!fine || r->bad || n > (r->size - r->at) / ARG_BYTES || ret->call.named > n)
		return beget__fail(EBADMSG, "cannot read the call");
	ret->args = n ? beget__sys_alloc(n * sizeof(*ret->args)) : NULL;
	ret->values = n ? beget__sys_alloc(n * sizeof(*ret->values)) : NULL;
	if (n && (!ret->args || !ret->values))
		return beget__fail(ENOMEM, "cannot read the call");
	ret->call.args = ret->args;
	for (ret->call.n = 0; ret->call.n < n && !r->bad; ret->call.n++) {
		struct beget_arg *arg = &ret->args[ret->call.n];
		union beget__value *value = &ret->values[ret->call.n];
		arg->type = beget__get_u32(r);
		arg->flags = beget__get_u32(r);
		r->bad |= arg->type == BEGET_TYPE_VOID;
		beget__value_get(r, arg, fds, value);
		arg->value = arg->type == BEGET_TYPE_STRUCT ? value->pointer : value;
	}
	return r->bad || r->at != r->size ? beget__fail(EBADMSG, "cannot read the arguments") : 0;
}

void beget__message_free_call(struct beget__order *order)
{
	for (unsigned i = 0; order->args && i < order->call.n; i++)
		free((void *)order->args[i].layout);
	free(order->args);
	free(order->values);
	free(order->layout);
	memset(order, 0, sizeof(*order));
}
