/* Executing the image: as a child, as a spare, or as a helper through a middle process that ends at once.
 * Runs in the caller and the helper and, for its first steps, in the new process. */
#include "program/launch.h"

#include "os/fail.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/trace.h"
#include "program/image.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One birth; shared with the new process until it executes the image. */
struct launch {
	const struct beget__executable *other;
	int socket;
	bool helper;
	char **argv, **envp;
	int error;
	pid_t *pid;
	int *pidfd; /* where a concurrent fork finds it at once */
};

/* A sanitizer does not expect a process on a stack of the heap. */
#define NOT_WATCHED __attribute__((no_sanitize("address")))

/* From here to exec we run on the caller's memory with all signals blocked: system calls only. */
NOT_WATCHED static int execute(void *data)
{
	struct launch *l = data;
	int exe = fcntl(l->other ? l->other->fd : beget__image_fd(), F_DUPFD_CLOEXEC, BEGET__CHANNEL_FD + 1);

	if (exe < 0 || dup2(l->socket, BEGET__CHANNEL_FD) < 0) /* dup2 also takes close-on-exec off */
		goto failed;
	if (l->socket == BEGET__CHANNEL_FD && fcntl(BEGET__CHANNEL_FD, F_SETFD, 0) < 0)
		goto failed;
	if (l->helper) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || (beget__trace_fd < 0 && dup2(null, 2) < 0))
			goto failed;
		if (getpgrp() != 0) /* one that we cannot see can only be kept */
			setpgid(0, 0);
	} else {
		for (int fd = 0; fd <= STDERR_FILENO; fd++) {
			int flags = fcntl(fd, F_GETFD);
			if (flags > 0)
				fcntl(fd, F_SETFD, 0);
		}
	}
	beget__fd_close_range(BEGET__CHANNEL_FD + 1, (unsigned)exe - 1);
	beget__fd_close_range((unsigned)exe + 1, ~0u);
	syscall(SYS_execveat, exe, "", l->argv, l->envp, AT_EMPTY_PATH);
failed:
	l->error = errno;
	_exit(127);
}

NOT_WATCHED static int middle(void *data)
{
	struct launch *l = data;
	pid_t pid = beget__proc_vfork(execute, l, SIGCHLD, l->pidfd);

	if (pid < 0)
		l->error = -pid;
	*l->pid = pid;
	_exit(0);
}

static int start(struct launch *l)
{
	sigset_t all, before;
	pid_t pid;
	int none, status;

	int error = beget__image_ready(l->other);
	if (error)
		return error;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (l->helper) {
		/* Exit signal 0: no SIGCHLD in the host, and invisible to its wait(-1). */
		pid = beget__proc_vfork(middle, l, 0, &none);
		if (pid > 0)
			while (waitpid(pid, &status, (int)__WCLONE) < 0 && errno == EINTR)
				;
	} else {
		pid = beget__proc_vfork(execute, l, SIGCHLD, l->pidfd);
		if (pid > 0 && l->error)
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return beget__fail_errno(-pid, "cannot make a process");
	if (l->error) {
		beget__fd_close(l->pidfd);
		return l->other                  ? beget__fail_errno(l->error, "cannot execute %.150s", l->other->path)
		       : !beget__image_is_host() ? beget__fail_errno(l->error, "cannot execute the program's image")
		                                 : beget__fail_errno(l->error, "cannot execute the host program %.120s",
		                                                     beget__executable_host());
	}
	if (!l->helper)
		*l->pid = pid;
	return 0;
}

extern char **environ;

static char *name_of(const struct beget__executable *other)
{
	return other ? other->path : beget__image_name();
}

static int spawn(const struct beget__executable *other, char *mark, int socket, pid_t *pid, int *pidfd)
{
	return start(&(struct launch){
		.other = other,
		.socket = socket,
		.argv = (char *[]){name_of(other), mark, NULL},
		.envp = environ,
		.pid = pid,
		.pidfd = pidfd,
	});
}

int beget__launch_spawn(const struct beget__executable *other, int socket, pid_t *pid, int *pidfd)
{
	char mark[] = BEGET__CHILD_MARK;

	return spawn(other, mark, socket, pid, pidfd);
}

int beget__launch_spare(int socket, pid_t *pid, int *pidfd)
{
	char mark[] = BEGET__SPARE_MARK;

	return spawn(NULL, mark, socket, pid, pidfd);
}

int beget__launch_helper(const struct beget__executable *other, int socket, pid_t *pid)
{
	char mark[] = BEGET__HELPER_MARK, bind[] = BEGET__BIND_NOW "=" BEGET__OUR_BINDING;
	size_t n = 0;
	int none = -1; /* the middle process has it, and ends */

	while (environ && environ[n])
		n++;
	char **envp = beget__mem_alloc((n + 2) * sizeof(*envp));
	if (!envp)
		return beget__fail_errno(ENOMEM, "cannot launch the helper");
	/* What the helper binds eagerly, its children need not bind one by one. */
	if (!getenv(BEGET__BIND_NOW))
		envp[n] = bind;
	if (n)
		memcpy(envp, environ, n * sizeof(*envp));
	struct launch l = {
		.other = other,
		.socket = socket,
		.helper = true,
		.argv = (char *[]){name_of(other), mark, NULL},
		.envp = envp,
		.pid = pid,
		.pidfd = &none,
	};
	int error = start(&l);
	free(envp);
	return error;
}

bool beget__launch_trusted(void)
{
	struct ucred maker;
	uid_t real, effective, saved;
	int type;
	socklen_t size = sizeof(maker), type_size = sizeof(type);

	return getsockopt(BEGET__CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(BEGET__CHANNEL_FD, SOL_SOCKET, SO_PEERCRED, &maker, &size) == 0 &&
	       getresuid(&real, &effective, &saved) == 0 && maker.uid == real && maker.uid == effective &&
	       maker.uid == saved && fcntl(BEGET__CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0;
}
