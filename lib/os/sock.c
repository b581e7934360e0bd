/* Sockets: pairs, messages, buffers.
 * Runs in every process. */
#include "os/sock.h"

#include "os/fault.h"
#include "os/fd.h"
#include "os/libc.h"

#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>

int beget__sock_pair(int fds[2])
{
	int pair[2];

	FAULT("socketpair", -fault);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pair[0] = beget__fd_above_stdio(pair[0]);
	pair[1] = beget__fd_above_stdio(pair[1]);
	return beget__fd_keep_both(pair, fds);
}

int beget__sock_report_senders(int socket)
{
	int on = 1;

	return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

ssize_t beget__sock_send(int fd, const struct msghdr *message, int flags)
{
	ssize_t n;

	FAULT("sendmsg", -fault);
	if (message->msg_control)
		FAULT("sendmsg_fds", -fault);
	do
		n = beget__libc_sendmsg(fd, message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ENOBUFS)
		return -ENOMEM;
	return n < 0 ? -errno : n;
}

void beget__sock_widen(int socket)
{
	int most = INT_MAX / 2;

	(void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

ssize_t beget__sock_receive(int fd, struct msghdr *message, int flags)
{
	ssize_t n;

	FAULT("recvmsg", -fault);
	do
		n = recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int count_unread(int socket)
{
	int n = 0;

	FAULT("fionread", -fault);
	return ioctl(socket, FIONREAD, &n) < 0 ? -errno : n;
}

ssize_t beget__sock_unread(int socket)
{
	char byte;

	ssize_t n = count_unread(socket);
	if (n >= 0)
		return n;
	/* A filter may refuse ioctl; the size of the next message is then the best that can be found out. */
	n = recv(socket, &byte, sizeof(byte), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
}

#ifndef SO_PEERPIDFD /* the number on all but two architectures; since Linux 6.5 */
#define SO_PEERPIDFD 77
#endif

int beget__sock_maker_pidfd(int socket)
{
	int fd = -1;
	socklen_t size = sizeof(fd);

	FAULT("peerpidfd", -fault);
#if defined(__sparc__) || defined(__hppa__)
	return -ENOPROTOOPT;
#endif
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) < 0)
		return -errno;
	return beget__fd_above_stdio(fd);
}

int beget__sock_maker(int socket, struct ucred *ret)
{
	struct ucred maker;
	int type;
	socklen_t size = sizeof(maker), type_size = sizeof(type);

	FAULT("getsockopt", -fault);
	if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
	    getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &maker, &size) < 0)
		return -errno;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	*ret = maker;
	return 0;
}

void beget__sock_shut(int socket)
{
	(void)shutdown(socket, SHUT_WR);
}
