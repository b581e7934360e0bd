/* Descriptors. What is opened here is close-on-exec and never 0 to 2; failures are negative errnos. */
#ifndef BEGET__FD_H
#define BEGET__FD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int beget__fd_open(const char *path, int flags);
int beget__fd_dup(int fd);
int beget__fd_above_stdio(int fd); /* moves one that is 0 to 2; negative: -errno */
int beget__fd_pipe(int fds[2]);
int beget__fd_keep_both(int pair[2], int ret[2]); /* both, or none and the error of the one that failed */
void beget__fd_close(int *fd);                    /* -1 allowed; becomes -1 */
void beget__fd_close_range(unsigned first, unsigned last);
void beget__fd_close_but(int from, int *keep, size_t n); /* all from there on but these, which it sorts */

/* Which open file a descriptor is: a host that closes what it does not know may reuse our numbers. */
struct beget__identity {
	uint64_t device, inode;
};
struct beget__identity beget__fd_identity(int fd);
bool beget__fd_is(int fd, const struct beget__identity *);

int beget__fd_poll(struct pollfd *, size_t n, int timeout_ms); /* EINTR comes back as -EINTR */

#endif
