/* What the kernel that runs here can, for tests that expect more of it where it can. */
#ifndef KERNEL_H
#define KERNEL_H

#include "sys.h"

#include <unistd.h>

/* Since Linux 6.15 the end of a process can be read after somebody else has reaped it. */
static inline bool kernel_remembers(void)
{
	int status;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(1);
	int pidfd = beget__sys_pidfd_open(pid);
	beget__sys_waitid(P_PID, (id_t)pid, &info, WEXITED, NULL);
	int error = beget__sys_pidfd_exit(pidfd, &status);
	beget__sys_close(&pidfd);
	return error == 0;
}

#endif
