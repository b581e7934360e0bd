/* Requests from the caller to a helper, and the helper's replies. Only this file knows the fields of these messages.
 * Runs in caller and helper. */
#include "message/request.h"

#include "wire/bytes.h"
#include "wire/send.h"

#include <errno.h>

struct start {
	uint32_t protocol;
	int32_t caller;
	uint32_t tied;
	uint32_t spare;
	uint32_t monitored;
};

int beget__request_send_start(int socket, int channel, const struct beget__request *request)
{
	struct start start = {BEGET__PROTOCOL, request->caller, request->tied, request->spare, request->monitored};

	return beget__send_within(socket, BEGET__START, &(struct iovec){&start, sizeof(start)}, 1, &channel, 1,
	                          request->within_ms);
}

bool beget__request_get_start(const struct beget__frame *f, struct beget__request *ret)
{
	struct start start;

	if (f->kind != BEGET__START || f->nfds != 1 || !beget__frame_copy(f, &start, sizeof(start)) ||
	    start.protocol != BEGET__PROTOCOL || start.tied > 1 || start.spare > BEGET__FRESH || start.monitored > 1)
		return false;
	*ret = (struct beget__request){
		.caller = start.caller,
		.tied = start.tied,
		.spare = start.spare,
		.monitored = start.monitored,
	};
	return true;
}

int beget__request_send_tie(int socket, pid_t pid)
{
	int32_t number = pid;

	return beget__send_now(socket, BEGET__TIE, &number, sizeof(number));
}

bool beget__request_get_tie(const struct beget__frame *f, pid_t *ret)
{
	int32_t number;

	if (!beget__frame_copy(f, &number, sizeof(number)) || number <= 0 || f->nfds > 0)
		return false;
	*ret = number;
	return true;
}

int beget__request_send_setup(int socket, enum beget__message kind, const char *text, unsigned flags, const int fds[4])
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
	beget__bytes_put_u32(&w, BEGET__PROTOCOL);
	beget__bytes_put_u32(&w, flags);
	beget__bytes_put_u32(&w, which);
	beget__bytes_put_string(&w, text);
	int pieces = beget__bytes_finish(&w, &iov);
	int error = pieces < 0 ? pieces : beget__send_within(socket, kind, iov, pieces, sent, n, QUESTION_MS);
	if (error == -EMSGSIZE)
		error = beget__send_frame(socket, kind, iov, pieces, sent, n);
	beget__bytes_free(&w);
	return error;
}

bool beget__request_get_setup(struct beget__frame *f, struct beget__question *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__question q = {.fds = {-1, -1, -1, -1}};
	bool known = beget__bytes_get_u32(&r) == BEGET__PROTOCOL;

	q.flags = beget__bytes_get_u32(&r);
	uint32_t which = beget__bytes_get_u32(&r);
	q.text = beget__bytes_get_string(&r);
	if (!known || r.bad || r.at != r.size || which >= 16 || !(which & 1) || f->nfds != __builtin_popcount(which))
		return false;
	for (int i = 0, n = 0; i < 4; i++)
		if (which & 1u << i)
			q.fds[i] = beget__frame_take(f, n++);
	*ret = q;
	return true;
}

int beget__request_send_health(int socket, const struct beget__health *health)
{
	return beget__send_now(socket, BEGET__HEALTH, health, sizeof(*health));
}

bool beget__request_get_health(const struct beget__frame *f, struct beget__health *ret)
{
	return f->kind == BEGET__HEALTH && f->nfds == 0 && beget__frame_copy(f, ret, sizeof(*ret));
}

int beget__request_send_plain(int socket, enum beget__message kind)
{
	return beget__send_now(socket, kind, NULL, 0);
}
