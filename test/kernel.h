/* Features of the running kernel, for tests that expect more if it has them. */
#ifndef KERNEL_H
#define KERNEL_H

#include "os/fd.h"
#include "os/proc.h"

#include <unistd.h>

/* Since Linux 6.15, the exit status of a process can be read after another process has reaped it. */
static inline bool kernel_remembers(void)
{
	int status;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(1);
	int pidfd = beget__proc_pidfd_open(pid);
	beget__proc_wait(P_PID, (id_t)pid, &info, WEXITED, NULL);
	int error = beget__proc_pidfd_exit(pidfd, &status);
	beget__fd_close(&pidfd);
	return error == 0;
}

#endif
