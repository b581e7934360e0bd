/* Descriptors. What is opened here is close-on-exec and never 0 to 2; failures are negative errnos. */
#ifndef BEGET__FD_H
#define BEGET__FD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int beget__fd_open(const char *path, int flags);
/* A descriptor that stands for nothing: /dev/null, or without it one that cannot be read or written. */
int beget__fd_open_nothing(void);
int beget__fd_dup(int fd);
int beget__fd_dup_from(int fd, int least); /* close-on-exec, at least that number */
/* Moves one of ours in a child: the environment may name low numbers, as make does for its job server. Below 64, where
 * bash has some, the table need not grow. Where the limit is lower, it stays. */
enum { BEGET__FD_ASIDE = 50 };
int beget__fd_move_aside(int fd);      /* where it is now */
int beget__fd_put(int fd, int number); /* dup2: open across exec, whichever it was */
int beget__fd_above_stdio(int fd);     /* moves one that is 0 to 2; negative: -errno */
int beget__fd_pipe(int fds[2]);
int beget__fd_keep_both(int pair[2], int ret[2]); /* both, or none and the error of the one that failed */
void beget__fd_close(int *fd);                    /* -1 allowed; becomes -1 */
void beget__fd_close_number(int fd);              /* -1 allowed; nothing is written to */
void beget__fd_close_range(unsigned first, unsigned last);
void beget__fd_close_but(int from, int *keep, size_t n); /* all from there on but these, which it sorts */

/* Which open file a descriptor is: a host that closes what it does not know may reuse our numbers. */
struct beget__identity {
	uint64_t device, inode;
};
bool beget__fd_open_now(int fd);
bool beget__fd_closes_on_exec(int fd);
int beget__fd_set_inherited(int fd, bool inherited); /* across exec */
bool beget__fd_regular(int fd, size_t *size);        /* a regular file that has a size */
ssize_t beget__fd_read_at(int fd, void *, size_t, uint64_t offset);
int beget__fd_write(int fd, const void *, size_t); /* all of it; async-signal-safe */

struct beget__identity beget__fd_identity(int fd);
bool beget__fd_is(int fd, const struct beget__identity *);

/* A signal to this process when there is input on a socket or its other end closes; no more. */
int beget__fd_set_signal(int fd, int signal);
void beget__fd_clear_signal(int fd);

int beget__fd_poll(struct pollfd *, size_t n, int timeout_ms); /* EINTR comes back as -EINTR */

#endif
