/* Sockets of two processes. Failures are negative errnos. */
#ifndef BEGET__SOCK_H
#define BEGET__SOCK_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

int beget__sock_pair(int fds[2]); /* SOCK_SEQPACKET */

/* What is received there comes with the pid of its sender. */
int beget__sock_tell_senders(int socket);

/* Messages: no SIGPIPE, and an interrupted call is repeated. */
ssize_t beget__sock_send(int fd, const struct msghdr *, int flags);
ssize_t beget__sock_receive(int fd, struct msghdr *, int flags);

void beget__sock_shut(int socket);  /* the other end finds that nothing more comes */
void beget__sock_widen(int socket); /* the largest send buffer that the kernel gives */

/* Bytes that have arrived, or a negative errno. */
ssize_t beget__sock_unread(int socket);

/* Who made this end, or the pair: -ENOTSOCK and the like if it is no SOCK_SEQPACKET socket. */
int beget__sock_maker(int socket, struct ucred *ret);

/* Its pidfd; -ESRCH or -EINVAL if it has ended and was reaped, -ENOPROTOOPT on older kernels. */
int beget__sock_maker_pidfd(int socket);

#endif
