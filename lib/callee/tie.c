/* The tie between a child and its caller. PR_SET_PDEATHSIG would fire when the creating thread ends, and would apply to
 * the helper. Signal-driven input on a socket whose other end only the caller holds means the caller itself, however it
 * ends. Runs in the child, and in the helper while it is being prepared. */
#include "callee/tie.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/proc.h"
#include "os/sock.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

int beget__tie_arm(int socket)
{
	struct pollfd gone = {.fd = socket, .events = POLLIN | POLLRDHUP};

	if (getpid() == 1) /* the kernel does not send such signals to an init, see proc.h */
		return beget__fail(EOPNOTSUPP, "cannot tie the init of a pid namespace to its caller");
	/* Open across exec: a target that executes another program stays tied. */
	int error = beget__fd_set_signal(socket, SIGKILL);
	if (!error)
		error = beget__fd_set_inherited(socket, true);
	if (error)
		return beget__fail_errno(-error, "cannot tie the child to its caller");
	if (beget__fd_poll(&gone, 1, 0) > 0) /* the caller ended before the signal was armed */
		beget__proc_signal(getpid(), -1, SIGKILL);
	return 0;
}

void beget__tie_disarm(int socket)
{
	beget__fd_clear_signal(socket);
	(void)beget__fd_set_inherited(socket, false);
}

/* A descriptor that is readable at once. */
static int ended(void)
{
	int pair[2];
	int error = beget__fd_pipe(pair);

	if (error)
		return error;
	beget__fd_close(&pair[1]);
	return pair[0];
}

static bool ended_already(int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	return beget__fd_poll(&end, 1, 0) > 0;
}

/* The number may already belong to another process. That process has then ended too, or it is younger than we are,
 * while the caller is older. */
static int watch_number(pid_t pid, uint64_t started)
{
	int fd = pid > 0 ? beget__proc_pidfd_open(pid) : -EOPNOTSUPP;

	if (fd == -ESRCH)
		return ended();
	if (fd < 0 || ended_already(fd))
		return fd;
	uint64_t now = beget__proc_started(pid), ours = beget__proc_started(getpid());
	if (now && now == started)
		return fd;
	beget__fd_close(&fd);
	return now && ours && now > ours ? ended() : -EOPNOTSUPP;
}

int beget__tie_watch(int channel, pid_t pid, uint64_t started)
{
	int fd = channel >= 0 ? beget__sock_maker_pidfd(channel) : -ENOTSOCK;

	if (fd == -ESRCH || fd == -EINVAL)
		return ended();
	return fd >= 0 || fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : watch_number(pid, started);
}
