/* Reports on a child: born, failed, crashed, ended. Only this file knows the fields of these messages.
 * Runs in every process. */
#include "message/report.h"

#include "message/message.h"
#include "wire/bytes.h"

int beget__report_send_born(int socket, pid_t pid, int pidfd)
{
	enum { PATIENCE_MS = 20 }; /* after that, it is sent without its descriptor */
	int32_t number = pid;

	return beget__frame_send_within(socket, BEGET__BORN, &(struct iovec){&number, sizeof(number)}, 1, &pidfd,
	                                pidfd >= 0, PATIENCE_MS);
}

bool beget__report_get_born(const struct beget__frame *f, pid_t *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	pid_t pid = (pid_t)beget__bytes_get_u32(&r);

	if (r.bad || r.at != r.size || pid <= 0 || f->nfds > 1)
		return false;
	*ret = pid;
	return true;
}

int beget__report_send_failed(int socket, const struct beget__failure *failure)
{
	return beget__frame_send_now(socket, BEGET__FAILED, failure, sizeof(*failure));
}

int beget__report_send_refused(int socket, uint32_t task, const struct beget__failure *failure)
{
	return beget__frame_send_tagged(socket, BEGET__FAILED, task, &(struct iovec){(void *)failure, sizeof(*failure)},
	                                1, NULL, 0);
}

int beget__report_send_waits(int socket)
{
	return beget__frame_send_now(socket, BEGET__WAITS, NULL, 0);
}

int beget__report_send_expired(int socket, uint32_t task)
{
	return beget__frame_send_packed(socket, BEGET__EXPIRED, task, &(struct beget__packed){.bytes = ""}, NULL, 0);
}

bool beget__report_get_failed(const struct beget__frame *f, struct beget__failure *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__failure failure;

	beget__bytes_get(&r, &failure, sizeof(failure));
	if (r.bad || r.at != r.size || failure.code >= 0)
		return false;
	*ret = failure;
	ret->text[sizeof(ret->text) - 1] = '\0';
	return true;
}

int beget__report_send_ended(int socket, const struct beget__exit *end)
{
	return beget__frame_send_now(socket, BEGET__ENDED, end, sizeof(*end));
}

bool beget__report_get_ended(const struct beget__frame *f, struct beget__exit *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__exit end;

	beget__bytes_get(&r, &end, sizeof(end));
	if (r.bad || r.at != r.size)
		return false;
	*ret = end;
	return true;
}

int beget__report_send_crashed(int socket, const struct beget__crash *crash)
{
	return beget__frame_send_now(socket, BEGET__CRASHED, crash, sizeof(*crash));
}

bool beget__report_get_crashed(const struct beget__frame *f, struct beget__crash *ret)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct beget__crash crash;

	beget__bytes_get(&r, &crash, sizeof(crash));
	if (r.bad || r.at != r.size)
		return false;
	*ret = crash;
	ret->module[sizeof(ret->module) - 1] = '\0';
	return true;
}
