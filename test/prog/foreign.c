/* Executes a program as a process that the library would start, on a socket that another user created: foreign UID
 * PROGRAM MARK. The socket is created as that user, and the program runs as root. UID 0 is the control, in which the
 * socket belongs to root. Exits with the program's exit code. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int pair[2];

	if (argc != 4)
		return 2;
	if (seteuid((uid_t)atoi(argv[1])) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || seteuid(0) < 0)
		return 3;
	int own = fcntl(pair[0], F_DUPFD, 10), far = fcntl(pair[1], F_DUPFD, 10);
	if (own < 0 || far < 0 || dup2(far, 3) < 0)
		return 4;
	close(own); /* the other end is closed: a child that obeyed the socket would notice and exit with 0 */
	for (int fd = 4; fd < 64; fd++)
		close(fd);
	execl(argv[2], argv[2], argv[3], (char *)NULL);
	return 5;
}
