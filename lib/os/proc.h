/* Processes: creating, signalling, waiting, and reading /proc. Failures are negative errnos. */
#ifndef BEGET__PROC_H
#define BEGET__PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

pid_t beget__proc_fork(void);
/* Marks functions that run on a stack in heap memory, which sanitizers do not support. */
#define BEGET__NOT_WATCHED __attribute__((no_sanitize("address")))
/* The caller waits until the child executes a program or exits. What the child writes to the argument, which has the
 * given size, is visible to the caller. */
pid_t beget__proc_vfork(int (*child)(void *), void *argument, size_t size, int exit_signal, int *pidfd);
/* Executes an open file; returns only on failure. Async-signal-safe. */
int beget__proc_execute(int image, char *const *argv, char *const *envp);
int beget__proc_execute_path(const char *path, char *const *argv, char *const *envp);

/* True if the string is too long to be an argument or a variable of execve. */
bool beget__proc_exceeds_exec(const char *string);

/* True for an error of a missing or forbidden call, false if the call lacked something or its process has ended. */
bool beget__proc_refused(int error);

int beget__proc_pidfd_open(pid_t);
int beget__proc_signal(pid_t, int pidfd, int signal);
void beget__proc_kill_group(pid_t leader, int pidfd);
int beget__proc_reap(pid_t, int options); /* returns the wait status */
int beget__proc_wait(idtype_t, id_t, siginfo_t *, int options, struct rusage *);
/* -ENODATA: the kernel keeps no record; -EAGAIN: the process has not been reaped. */
int beget__proc_pidfd_exit(int pidfd, int *wait_status);

/* True if the stat of an unreaped process shows how it ended. Before Linux 5.17 it shows how the first thread ended,
 * which is 0 after pthread_exit. */
bool beget__proc_zombies_report(void);
int beget__proc_zombie_exit(pid_t, int *wait_status); /* -ENODATA: there is no zombie that can be read */

/* The time at which a process started, in the kernel's ticks. Together with the pid it is unique. 0: unknown. */
uint64_t beget__proc_started(pid_t);

/* For kernels without pidfds: true if the process that started then has ended, whether it was reaped or not. False also
 * if that cannot be seen. */
bool beget__proc_gone(pid_t, uint64_t started);

/* Stopped by a signal or a debugger. */
bool beget__proc_stopped(pid_t);

/* True if the next child becomes the init of a pid namespace, as after unshare(CLONE_NEWPID). The kernel does not
 * deliver a socket's signals, or those from inside its namespace, to an init. */
bool beget__proc_next_is_init(void);

int64_t beget__proc_memory_kib(pid_t); /* resident and private memory; 0 if that cannot be seen */
/* True if the next child is in another pid namespace, or if that cannot be seen. */
bool beget__proc_children_elsewhere(void);

bool beget__proc_adopts_orphans(void); /* this process becomes the parent of orphaned descendants */

int beget__proc_adopt_orphans(void);    /* in the future */
int beget__proc_die_with(pid_t parent); /* the kernel sends SIGKILL to this process when that one ends */

/* Opens the file that lists the children of the calling thread, each number followed by a space. -ENOENT: the kernel
 * has none. */
int beget__proc_open_children(void);

#endif
