/* A child's bond with its caller. PR_SET_PDEATHSIG would fire when the creating thread ends and would name the helper;
 * signal-driven input on a socket whose other end only the caller holds means the caller itself, however it ends.
 * Runs in the child, and in the helper while it is prepared. */
#include "callee/tie.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/proc.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

int beget__tie_arm(int socket)
{
	struct pollfd gone = {.fd = socket, .events = POLLIN | POLLRDHUP};

	/* Open across exec: a target that becomes another program stays tied. */
	int error = beget__fd_set_signal(socket, SIGKILL);
	if (!error)
		error = beget__fd_set_inherited(socket, true);
	if (error)
		return beget__fail_errno(-error, "cannot tie the child to its caller");
	if (beget__fd_poll(&gone, 1, 0) > 0) /* it was gone before we were armed */
		beget__proc_signal(getpid(), -1, SIGKILL);
	return 0;
}

void beget__tie_disarm(int socket)
{
	beget__fd_clear_signal(socket);
	(void)beget__fd_set_inherited(socket, false);
}

/* What polls readable from the first look on. */
static int ended(void)
{
	int pair[2];
	int error = beget__fd_pipe(pair);

	if (error)
		return error;
	beget__fd_close(&pair[1]);
	return pair[0];
}

int beget__tie_watch(pid_t pid, uint64_t started)
{
	int fd = beget__proc_pidfd_open(pid);

	if (fd == -ESRCH)
		return ended();
	if (fd < 0)
		return fd;
	if (beget__proc_started(pid) == started) /* looked at after the opening: it is that process */
		return fd;
	beget__fd_close(&fd);
	return ended();
}
