/* One packet of a frame: a header, bytes and descriptors, as one message of the kernel.
 * Runs in every process; knows no frame. */
#include "wire/packet.h"

#include "os/sock.h"

#include <string.h>
#include <sys/socket.h>

int beget__packet_send(int socket, const struct beget__packet *header, const struct iovec *body, int n, const int *fds,
                       int nfds, int flags)
{
	union {
		char room[CMSG_SPACE(BEGET__PACKET_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[BEGET__PACKET_PIECES + 1];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n + 1};

	iov[0] = (struct iovec){(void *)header, sizeof(*header)};
	memcpy(iov + 1, body, (size_t)n * sizeof(*body));
	if (nfds > 0) {
		message.msg_control = control.room;
		message.msg_controllen = (socklen_t)CMSG_SPACE((size_t)nfds * sizeof(int));
		memset(control.room, 0, message.msg_controllen);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	ssize_t sent = beget__sock_send(socket, &message, flags);
	return sent < 0 ? (int)sent : 0;
}

/* The sender of a packet as reported by the kernel, if the socket asks for it. */
static pid_t sender_of(struct msghdr *message)
{
	struct ucred sender = {0};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	return sender.pid;
}

/* The descriptors that came with a packet: at most BEGET__PACKET_FDS, so they fit. */
static int unpack_fds(struct msghdr *message, int *fds)
{
	int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
		count += (int)n;
	}
	return count;
}

int beget__packet_receive(int socket, char *data, size_t space, int flags, struct beget__arrival *ret)
{
	union {
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(BEGET__PACKET_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = {{&ret->header, sizeof(ret->header)}, {data, space}};
	struct msghdr message = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t got = beget__sock_receive(socket, &message, flags);

	if (got < 0)
		return (int)got;
	ret->valid = (size_t)got >= sizeof(ret->header) && ret->header.magic == BEGET__PACKET_MAGIC &&
	             !(message.msg_flags & MSG_TRUNC);
	ret->size = ret->valid ? (size_t)got - sizeof(ret->header) : 0;
	ret->nfds = unpack_fds(&message, ret->fds);
	ret->truncated = message.msg_flags & MSG_CTRUNC;
	ret->sender = sender_of(&message);
	return got > 0;
}
