/* Executes a program as a process that the library would start, on a socket that another user made.
 * foreign UID PROGRAM MARK: the socket is made as that user, the program runs as root again. With UID 0 as the control:
 * the socket is root's own. Exits as the program does; a second argument to the exit code is not needed. */
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
	close(own); /* the end of the socket: a child that obeyed it would see it and leave with 0 */
	for (int fd = 4; fd < 64; fd++)
		close(fd);
	execl(argv[2], argv[2], argv[3], (char *)NULL);
	return 5;
}
