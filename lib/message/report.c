/* Reports on a child: born, failed, crashed, ended. Only this file knows the fields of these messages.
 * Runs in every process. */
#include "message/report.h"

#include "message/message.h"
#include "wire/send.h"

int beget__report_send_born(int socket, pid_t pid, int pidfd)
{
	enum { PATIENCE_MS = 20 }; /* after that, it is sent without its descriptor */
	int32_t number = pid;

	return beget__send_within(socket, BEGET__BORN, &(struct iovec){&number, sizeof(number)}, 1, &pidfd, pidfd >= 0,
	                          PATIENCE_MS);
}

bool beget__report_get_born(const struct beget__frame *f, pid_t *ret)
{
	int32_t number;

	if (!beget__frame_copy(f, &number, sizeof(number)) || number <= 0 || f->nfds > 1)
		return false;
	*ret = f->sender > 0 ? f->sender : number; /* the number may belong to another pid namespace */
	return true;
}

int beget__report_send_failed(int socket, const struct beget__failure *failure)
{
	return beget__send_now(socket, BEGET__FAILED, failure, sizeof(*failure));
}

int beget__report_send_refused(int socket, uint32_t task, const struct beget__failure *failure)
{
	return beget__send_tagged(socket, BEGET__FAILED, task, &(struct iovec){(void *)failure, sizeof(*failure)}, 1,
	                          NULL, 0);
}

int beget__report_send_made(int socket)
{
	return beget__send_now(socket, BEGET__MADE, NULL, 0);
}

int beget__report_send_waits(int socket)
{
	return beget__send_now(socket, BEGET__WAITS, NULL, 0);
}

int beget__report_send_sign(int socket, enum beget__sign sign)
{
	return beget__send_packed(socket, BEGET__SIGN, sign, &(struct beget__packed){.bytes = ""}, NULL, 0);
}

bool beget__report_get_sign(const struct beget__frame *f, enum beget__sign *ret)
{
	if (f->size > 0 || f->nfds > 0 || f->tag < BEGET__SIGN_READY || f->tag > BEGET__SIGN_BEAT)
		return false;
	*ret = (enum beget__sign)f->tag;
	return true;
}

int beget__report_send_expired(int socket, uint32_t task)
{
	return beget__send_packed(socket, BEGET__EXPIRED, task, &(struct beget__packed){.bytes = ""}, NULL, 0);
}

bool beget__report_get_failed(const struct beget__frame *f, struct beget__failure *ret)
{
	struct beget__failure failure;

	if (!beget__frame_copy(f, &failure, sizeof(failure)) || failure.code >= 0)
		return false;
	*ret = failure;
	ret->text[sizeof(ret->text) - 1] = '\0';
	return true;
}

static int64_t microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

struct beget__exit beget__report_make_exit(const siginfo_t *info, const struct rusage *usage)
{
	return (struct beget__exit){
		.wait_status = info->si_code == CLD_EXITED ? (info->si_status & 0xff) << 8
	                                                   : info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0),
		.user_us = microseconds(&usage->ru_utime),
		.system_us = microseconds(&usage->ru_stime),
		.peak_kib = usage->ru_maxrss,
	};
}

int beget__report_send_ended(int socket, const struct beget__exit *end)
{
	return beget__send_now(socket, BEGET__ENDED, end, sizeof(*end));
}

bool beget__report_get_ended(const struct beget__frame *f, struct beget__exit *ret)
{
	return beget__frame_copy(f, ret, sizeof(*ret));
}

int beget__report_send_crashed(int socket, const struct beget__crash *crash)
{
	return beget__send_now(socket, BEGET__CRASHED, crash, sizeof(*crash));
}

bool beget__report_get_crashed(const struct beget__frame *f, struct beget__crash *ret)
{
	if (!beget__frame_copy(f, ret, sizeof(*ret)))
		return false;
	ret->module[sizeof(ret->module) - 1] = '\0';
	return true;
}
