/* Files that are opened for another process without a descriptor in this one, because closing any descriptor of a file
 * releases the process's POSIX record locks on it. A short-lived process with its own descriptor table opens the file
 * and sends it into a socket pair, where it stays queued. Opening runs in the caller, taking it out in the child. */
#include "os/box.h"

#include "os/fd.h"
#include "os/proc.h"
#include "os/signals.h"
#include "os/sock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A message with one descriptor. */
struct letter {
	char byte;
	struct iovec iov;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr message;
};

/* One opening, shared with the process that does it. Under valgrind that process has a copy of it, and its exit status
 * is the error. */
enum { UNKNOWN = -EIO };
struct opening {
	const char *path;
	int flags, socket, error;
};

BEGET__NOT_WATCHED static void address(struct letter *l)
{
	*l = (struct letter){.iov = {&l->byte, 1}};
	l->message = (struct msghdr){
		.msg_iov = &l->iov,
		.msg_iovlen = 1,
		.msg_control = l->control,
		.msg_controllen = sizeof(l->control),
	};
}

BEGET__NOT_WATCHED static int send_file(int socket, int fd)
{
	struct letter l;

	address(&l);
	struct cmsghdr *header = CMSG_FIRSTHDR(&l.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	ssize_t sent = beget__sock_send(socket, &l.message, 0);
	return sent < 0 ? (int)sent : 0;
}

/* Runs in the other process, in the caller's memory. */
BEGET__NOT_WATCHED static int open_there(void *data)
{
	struct opening *o = data;
	int fd;

	do
		fd = beget__fd_open(o->path, o->flags);
	while (fd == -EINTR);
	o->error = fd < 0 ? fd : send_file(o->socket, fd);
	_exit(-o->error);
}

static int run(struct opening *o)
{
	sigset_t before;
	int none, status = -1;

	beget__signals_block_all(&before);
	/* Exit signal 0: no SIGCHLD in the host, and invisible to its wait(-1). */
	pid_t pid = beget__proc_vfork(open_there, o, sizeof(*o), 0, &none);
	if (pid > 0)
		status = beget__proc_reap(pid, (int)__WCLONE);
	beget__signals_set_mask(&before);
	if (o->error == UNKNOWN && status >= 0 && WIFEXITED(status))
		o->error = -WEXITSTATUS(status);
	return pid < 0 ? pid : o->error;
}

int beget__box_open(const char *path, int flags, int *ret)
{
	int pair[2];
	int error = beget__sock_pair(pair);

	if (error)
		return error;
	struct opening o = {path, flags, pair[1], UNKNOWN};
	error = run(&o);
	beget__fd_close(&pair[1]);
	if (error)
		beget__fd_close(&pair[0]);
	else
		*ret = pair[0];
	return error;
}

int beget__box_look(int box)
{
	struct letter l;
	int fd;

	address(&l);
	ssize_t got = beget__sock_receive(box, &l.message, MSG_PEEK | MSG_DONTWAIT);
	struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&l.message);
	if (got < 0)
		return (int)got;
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(fd)))
		return l.message.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return beget__fd_above_stdio(fd);
}
