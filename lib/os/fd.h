/* Descriptors. Those opened here are close-on-exec and never 0 to 2. Failures are negative errnos. */
#ifndef BEGET__FD_H
#define BEGET__FD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int beget__fd_open(const char *path, int flags);
/* Opens /dev/null, or if that is missing a descriptor that can be neither read nor written. */
int beget__fd_open_nothing(void);
int beget__fd_dup(int fd);
int beget__fd_dup_from(int fd, int least); /* close-on-exec, numbered least or higher */
/* Moves one of our descriptors in a child, because the environment may name low numbers (as make does for its job
 * server). Below 64, where bash keeps some, the descriptor table need not grow. It stays if the limit is lower. */
enum { BEGET__FD_ASIDE = 50 };
int beget__fd_move_aside(int fd);      /* its new number */
int beget__fd_put(int fd, int number); /* dup2, and it stays open across exec even if both numbers are equal */
int beget__fd_above_stdio(int fd);     /* moves a descriptor that is 0 to 2; negative: -errno */
int beget__fd_pipe(int fds[2]);
int beget__fd_keep_both(int pair[2], int ret[2]); /* both, or none and the error of the one that failed */
void beget__fd_close(int *fd);                    /* may be -1; becomes -1 */
void beget__fd_close_number(int fd);              /* may be -1; not an output */
void beget__fd_close_range(unsigned first, unsigned last);
/* All from that number on except those in keep, which gets sorted. */
void beget__fd_close_but(int from, int *keep, size_t n);

/* Identifies an open file: a host that closes descriptors it does not know may reuse our numbers. */
struct beget__identity {
	uint64_t device, inode;
};
bool beget__fd_open_now(int fd);
bool beget__fd_closes_on_exec(int fd);
int beget__fd_set_inherited(int fd, bool inherited); /* across exec */
bool beget__fd_regular(int fd, size_t *size);        /* a regular file, and its size */
ssize_t beget__fd_read_at(int fd, void *, size_t, uint64_t offset);
int beget__fd_write_at(int fd, const void *, size_t, uint64_t offset); /* in one call: 0 or a negative errno */
int beget__fd_write(int fd, const void *, size_t);                     /* writes everything; async-signal-safe */

struct beget__identity beget__fd_identity(int fd);
bool beget__fd_is(int fd, const struct beget__identity *);

/* The kernel sends the signal to this process when the socket has input or its other end closes. */
int beget__fd_set_signal(int fd, int signal);
void beget__fd_clear_signal(int fd);

int beget__fd_poll(struct pollfd *, size_t n, int timeout_ms); /* an interruption is -EINTR */

#endif
