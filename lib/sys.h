/* Every system call and allocation of the library that can fail, with its fallbacks: the only room for kernel
 * differences. All return a negative errno. Tests make any of them fail through beget__sys_fault. */
#ifndef BEGET__SYS_H
#define BEGET__SYS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* If set, asked before each call by name; an errno makes the call fail, zero lets it pass. For tests. */
extern int (*beget__sys_fault)(const char *call);

void *beget__sys_alloc(size_t size);       /* zeroed; NULL */
void *beget__sys_alloc_unset(size_t size); /* its pages are not touched */
void *beget__sys_alloc_aligned(size_t align, size_t size);
void *beget__sys_alloc_cleared(size_t align, size_t size); /* zeroed; for good, it cannot be freed */

/* Descriptors: all close-on-exec and never 0 to 2. */
int beget__sys_pair(int fds[2]); /* SOCK_SEQPACKET */
/* What is received there comes with the pid of its sender. */
int beget__sys_tell_senders(int socket);
int beget__sys_open(const char *path, int flags);
int beget__sys_dup(int fd);
int beget__sys_above_stdio(int fd); /* moves one that is 0 to 2; negative: -errno */
int beget__sys_pipe(int fds[2]);
void beget__sys_close(int *fd); /* -1 allowed; becomes -1 */
void beget__sys_close_range(unsigned first, unsigned last);
void beget__sys_close_but(int from, int *keep, size_t n); /* all from there on but these, which it sorts */

/* Which open file a descriptor is: a host that closes what it does not know may reuse our numbers. */
struct beget__identity {
	uint64_t device, inode;
};
struct beget__identity beget__sys_identity(int fd);
bool beget__sys_is(int fd, const struct beget__identity *);

/* Messages: no SIGPIPE, EINTR goes on. */
ssize_t beget__sys_sendmsg(int fd, const struct msghdr *, int flags);
void beget__sys_widen(int socket); /* the largest send buffer that the kernel gives */
ssize_t beget__sys_recvmsg(int fd, struct msghdr *, int flags);
size_t beget__sys_unread(int socket);                           /* bytes that have come */
int beget__sys_poll(struct pollfd *, size_t n, int timeout_ms); /* EINTR comes back as -EINTR */

/* Memory that travels as a descriptor: an empty unnamed file; filled, then sealed where the kernel can. */
int beget__sys_file(size_t size);
int beget__sys_file_write(int fd, const struct iovec *, int n);
void beget__sys_file_seal(int fd);

/* What stands in the way of such a file: soft limits on sizes and descriptors become the hard ones, and back. */
enum { BEGET__FILE_LIMITS = 2 };
void beget__sys_raise_limits(struct rlimit before[BEGET__FILE_LIMITS]);
void beget__sys_restore_limits(const struct rlimit before[BEGET__FILE_LIMITS]);
int beget__sys_map(int fd, size_t size, void **ret); /* private, writable */
/* The same for a file that came from another process: a copy, unless it is sealed and nobody can change it any more. */
int beget__sys_map_given(int fd, size_t size, void **ret);
void beget__sys_unmap(void *, size_t);

/* The same file as memory for several processes. Where *at is not NULL, the mapping replaces the one there. */
int beget__sys_file_size(int fd, size_t size); /* zeros, and never another size */
void beget__sys_file_fix(int fd);              /* a received one too, where the kernel can */
int beget__sys_map_shared(int fd, size_t size, void **at);
int beget__sys_map_sealed(int fd, size_t size, void **at); /* to be read only */
/* From now on nobody can write to it. -EBUSY where somebody could; a file that cannot be sealed is reopened for
 * reading, if nobody else has it. */
int beget__sys_file_seal_written(int *fd, bool lent);
bool beget__sys_file_sealed(int fd);

/* Processes. */
pid_t beget__sys_fork(void);
pid_t beget__sys_vfork(int (*child)(void *), void *argument, int exit_signal,
                       int *pidfd); /* caller waits for exec or exit */
int beget__sys_pidfd_open(pid_t);
int beget__sys_signal(pid_t, int pidfd, int signal);
int beget__sys_waitid(idtype_t, id_t, siginfo_t *, int options, struct rusage *);
int beget__sys_pidfd_exit(int pidfd, int *wait_status); /* -ENODATA: the kernel keeps none; -EAGAIN: not reaped */
int beget__sys_zombie_exit(pid_t, int *wait_status);    /* -ENODATA: no readable zombie */
int beget__sys_threads(void);                           /* that run in this process: at least 1, or -errno */

/* When a process started, in the kernel's ticks: with its pid it is a name that is never given again. 0: not known. */
uint64_t beget__sys_started(pid_t);

/* Where there is no pidfd: the process that started then has ended, reaped or not. False too if nobody tells. */
bool beget__sys_gone(pid_t, uint64_t started);

/* Stopped by a signal, or by a debugger. */
bool beget__sys_stopped(pid_t);

int64_t beget__sys_now_ms(void);
/* The moment after timeout_ms, never if that is negative; and what is left until then, as poll wants it. */
int64_t beget__sys_deadline(int timeout_ms);
int beget__sys_left_ms(int64_t deadline);

/* Thread cancellation: off, telling how it was; and back. */
int beget__sys_no_cancel(void);
void beget__sys_cancel(int before);

#endif
