/* Signs that a child sends about itself, and the request to finish: the caller shuts down its end of the channel.
 * Runs in the child. */
#include "child/child.h"
#include "message/report.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/poll.h"

#include <beget/service.h>
#include <errno.h>
#include <unistd.h>

static int send_sign(enum beget__sign sign, const char *what)
{
	int channel = beget__child_channel();

	if (channel < 0)
		return channel;
	int error = beget__report_send_sign(channel, sign);
	return error ? beget__fail_errno(-error, "cannot report that the child %s", what) : 0;
}

int beget_ready(void)
{
	return send_sign(BEGET__SIGN_READY, "is ready");
}

int beget_recycle(void)
{
	return send_sign(BEGET__SIGN_TIRED, "wants to be replaced");
}

/* If the caller has not read the earlier signs, another one adds nothing. */
int beget_beat(void)
{
	int error = send_sign(BEGET__SIGN_BEAT, "is well");

	return error == -EAGAIN ? 0 : error;
}

/* Not the channel itself, because that belongs to the library. */
static int watch_channel(int channel)
{
	int fd = beget__poll_create();
	int error = fd < 0 ? fd : beget__poll_add_shut(fd, channel);

	if (error < 0)
		beget__fd_close(&fd);
	return error < 0 ? beget__fail_errno(-error, "cannot watch for the request to finish") : fd;
}

int beget_stopping(void)
{
	static pid_t owner;
	static int fd = -1;
	int channel = beget__child_channel();

	if (channel < 0)
		return channel;
	if (owner == getpid())
		return fd;
	int watch = watch_channel(channel);
	if (watch < 0)
		return watch;
	int error = send_sign(BEGET__SIGN_LISTENS, "listens");
	if (error) {
		beget__fd_close(&watch);
		return error;
	}
	owner = getpid();
	return fd = watch;
}
