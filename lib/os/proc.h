/* Processes: made, signalled, waited for, and looked at in /proc. Failures are negative errnos. */
#ifndef BEGET__PROC_H
#define BEGET__PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

pid_t beget__proc_fork(void);
/* The caller waits for the child's exec or exit. What the child writes to the argument of that size, the caller reads.
 */
pid_t beget__proc_vfork(int (*child)(void *), void *argument, size_t size, int exit_signal, int *pidfd);
/* Executes the file that is open there; returns only if that failed. Async-signal-safe. */
int beget__proc_execute(int image, char *const *argv, char *const *envp);

/* No exec takes so long a string as argument or variable. */
bool beget__proc_exceeds_exec(const char *string);

int beget__proc_pidfd_open(pid_t);
int beget__proc_signal(pid_t, int pidfd, int signal);
int beget__proc_reap(pid_t, int options); /* its status is not wanted */
int beget__proc_wait(idtype_t, id_t, siginfo_t *, int options, struct rusage *);
int beget__proc_pidfd_exit(int pidfd, int *wait_status); /* -ENODATA: the kernel keeps none; -EAGAIN: not reaped */

/* True if a process that was not reaped shows how it ended. Before Linux 5.17 it shows how its first thread ended: with
 * 0 if that called pthread_exit. */
bool beget__proc_zombies_tell(void);
int beget__proc_zombie_exit(pid_t, int *wait_status); /* -ENODATA: no readable zombie */

/* When a process started, in the kernel's ticks: with its pid it is a name that is never given again. 0: not known. */
uint64_t beget__proc_started(pid_t);

/* Where there is no pidfd: the process that started then has ended, reaped or not. False too if that cannot be seen. */
bool beget__proc_gone(pid_t, uint64_t started);

/* Stopped by a signal, or by a debugger. */
bool beget__proc_stopped(pid_t);

/* The next child is the init of a pid namespace, as after unshare(CLONE_NEWPID). The kernel keeps signals of sockets
 * and of its own processes from an init. */
bool beget__proc_next_is_init(void);

int64_t beget__proc_memory_kib(pid_t); /* resident and its own; 0 if that cannot be seen */
bool beget__proc_adopts_orphans(void); /* this process becomes the parent of descendants that lose theirs */

#endif
