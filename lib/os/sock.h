/* Sockets between processes. Failures are negative errnos. */
#ifndef BEGET__SOCK_H
#define BEGET__SOCK_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

int beget__sock_pair(int fds[2]); /* SOCK_SEQPACKET */

/* Messages that are received there carry the pid of their sender. */
int beget__sock_report_senders(int socket);

/* Sending does not raise SIGPIPE, and an interrupted call is repeated. */
ssize_t beget__sock_send(int fd, const struct msghdr *, int flags);
ssize_t beget__sock_receive(int fd, struct msghdr *, int flags);

void beget__sock_shut(int socket);  /* the other end reads what is there, then end of file */
void beget__sock_widen(int socket); /* requests the largest send buffer that the kernel permits */

/* The number of bytes that have arrived, or a negative errno. */
ssize_t beget__sock_unread(int socket);

/* The process that created this socket or the pair. -ENOTSOCK or a similar error: it is not a SOCK_SEQPACKET socket. */
int beget__sock_maker(int socket, struct ucred *ret);

/* The pidfd of that process. -ESRCH or -EINVAL: it has ended and was reaped; -ENOPROTOOPT: an older kernel. */
int beget__sock_maker_pidfd(int socket);

#endif
