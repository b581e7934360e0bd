/* Processes: creating, signalling, waiting, and reading /proc where the kernel has no better interface.
 * Runs in caller, helper and child. */
#include "os/proc.h"

#include "os/fault.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

pid_t beget__proc_fork(void)
{
	FAULT("fork", -fault);
	pid_t pid = fork(); /* libc's: it runs the atfork handlers and leaves libc's own locks usable in the child */
	return pid < 0 ? -errno : pid;
}

static pid_t clone_pidfd(int (*child)(void *), void *stack, int flags, void *argument, int *pidfd)
{
	FAULT("clone_pidfd", -1);
	return clone(child, stack, flags | CLONE_PIDFD, argument, pidfd);
}

/* A sandbox's filter may refuse a call with any error. */
bool beget__proc_refused(int error)
{
	switch (error) {
	case -EAGAIN:
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ESRCH: return false;
	default: return error < 0;
	}
}

static pid_t clone_waiting(int (*child)(void *), void *stack, int flags, void *argument, int *pidfd)
{
	pid_t pid = -1;

	flags |= CLONE_VFORK;
	*pidfd = -1;
	if (flags & CSIGNAL)
		pid = clone_pidfd(child, stack, flags, argument, pidfd);
	if (pid < 0 && (!(flags & CSIGNAL) || beget__proc_refused(-errno)))
		pid = clone(child, stack, flags, argument);
	return pid < 0 ? -errno : pid;
}

static pid_t clone_on_our_memory(int (*child)(void *), void *stack, int flags, void *argument, int *pidfd)
{
	FAULT("clone_vm", -fault);
/* ThreadSanitizer takes such a child for the parent itself and misses our locks afterwards. */
#ifdef __SANITIZE_THREAD__
	return -EINVAL;
#endif
	return clone_waiting(child, stack, flags | CLONE_VM, argument, pidfd);
}

/* The child gets a copy of our memory, so the argument is copied to shared memory and back. */
static pid_t clone_beside(int (*child)(void *), void *stack, int flags, void *argument, size_t size, int *pidfd)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return -errno;
	memcpy(shared, argument, size);
	pid_t pid = clone_waiting(child, stack, flags, shared, pidfd);
	memcpy(argument, shared, size);
	munmap(shared, size);
	return pid;
}

/* Not from malloc: the middle process of a launch exits on its stack, and valgrind, which copies where we share memory,
 * would report the stack as lost. */
static void *make_stack(size_t size)
{
	FAULT("mmap", MAP_FAILED);
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
}

pid_t beget__proc_vfork(int (*child)(void *), void *argument, size_t size, int exit_signal, int *pidfd)
{
	enum { STACK = 32768 };

	FAULT("clone", -fault);
	char *stack = make_stack(STACK);
	if (stack == MAP_FAILED)
		return -errno;
	pid_t pid = clone_on_our_memory(child, stack + STACK, exit_signal, argument, pidfd);
	if (beget__proc_refused(pid)) /* before Linux 6.12, after unshare(CLONE_NEWTIME) */
		pid = clone_beside(child, stack + STACK, exit_signal, argument, size, pidfd);
	munmap(stack, STACK);
	if (*pidfd >= 0 && *pidfd <= STDERR_FILENO)
		*pidfd = beget__fd_above_stdio(*pidfd);
	return pid;
}

int beget__proc_pidfd_open(pid_t pid)
{
	FAULT("pidfd_open", -fault);
	return beget__fd_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
}

static int pidfd_signal(int pidfd, int signal)
{
	FAULT("pidfd_send_signal", -fault);
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int beget__proc_signal(pid_t pid, int pidfd, int signal)
{
	int error = pidfd >= 0 ? pidfd_signal(pidfd, signal) : -ENOSYS;

	if (beget__proc_refused(error) && pid > 0)
		error = kill(pid, signal) < 0 ? -errno : 0;
	return error;
}

#ifndef PIDFD_SIGNAL_PROCESS_GROUP /* since Linux 6.9 */
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

/* While the leader is running, no other group can have its number. */
void beget__proc_kill_group(pid_t leader, int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0) /* its number may be another process's by now */
		return;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, PIDFD_SIGNAL_PROCESS_GROUP) < 0 &&
	    beget__fd_poll(&end, 1, 0) == 0) {
		kill(-leader, SIGKILL);
		kill(leader, SIGKILL); /* it may not lead a group */
	}
}

static int execute_descriptor(int image, char *const *argv, char *const *envp)
{
	FAULT("execveat", -fault);
	syscall(SYS_execveat, image, "", argv, envp, AT_EMPTY_PATH);
	return -errno;
}

int beget__proc_execute_path(const char *path, char *const *argv, char *const *envp)
{
	FAULT("execve", -fault);
	execve(path, argv, envp);
	return -errno;
}

/* snprintf is not async-signal-safe. */
static void name_descriptor(int fd, char name[32])
{
	char digits[12];
	size_t n = sizeof(digits);

	for (digits[--n] = '\0'; n > 0 && (fd > 0 || !digits[n]); fd /= 10)
		digits[--n] = (char)('0' + fd % 10);
	strcpy(stpcpy(name, "/proc/self/fd/"), digits + n);
}

/* A seccomp filter may permit only execve, and Linux 5.10 refuses execveat in an overlay of 9p (ENOENT). */
int beget__proc_execute(int image, char *const *argv, char *const *envp)
{
	char name[32];

	int error = execute_descriptor(image, argv, envp);
	name_descriptor(image, name);
	execve(name, argv, envp);
	return error;
}

/* The kernel's MAX_ARG_STRLEN includes the terminating zero. */
bool beget__proc_exceeds_exec(const char *string)
{
	size_t most = 32 * (size_t)sysconf(_SC_PAGESIZE);

	return strnlen(string, most) == most;
}

int beget__proc_reap(pid_t pid, int options)
{
	int status;

	while (waitpid(pid, &status, options) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

int beget__proc_wait(idtype_t type, id_t id, siginfo_t *info, int options, struct rusage *usage)
{
	FAULT(type == P_PIDFD ? "waitid_pidfd" : "waitid", -fault);
	info->si_pid = 0;
	/* libc's function has no rusage argument */
	return syscall(SYS_waitid, type, id, info, options, usage) < 0 ? -errno : 0;
}

/* Since Linux 6.15; older headers lack it. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_INFO_EXIT_BIT (UINT64_C(1) << 3)
#define PIDFD_INFO_CALL     _IOWR(0xFF, 11, struct pidfd_info)

int beget__proc_pidfd_exit(int pidfd, int *wait_status)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT_BIT};

	FAULT("pidfd_info", -fault);
	if (pidfd < 0)
		return -ENODATA;
	/* The kernel looks for the exit record before it looks for the process. A process that ends between the two
	 * leaves its record now, so ask again. */
	int answer = ioctl(pidfd, (beget__libc_request)PIDFD_INFO_CALL, &info);
	if (answer < 0 && errno == ESRCH)
		answer = ioctl(pidfd, (beget__libc_request)PIDFD_INFO_CALL, &info);
	if (answer < 0)
		return -ENODATA;
	if (!(info.mask & PIDFD_INFO_EXIT_BIT))
		return -EAGAIN;
	*wait_status = info.exit_code;
	return 0;
}

bool beget__proc_zombies_report(void)
{
	struct utsname kernel;
	int major, minor;

	FAULT("uname", false);
	if (uname(&kernel) < 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2)
		return false;
	return major > 5 || (major == 5 && minor >= 17);
}

int beget__proc_zombie_exit(pid_t pid, int *wait_status)
{
	struct beget__text stat;
	char path[8];

	FAULT("zombie", -fault);
	if (!beget__procfs_numbers_ours())
		return -ENODATA;
	if (!beget__proc_zombies_report())
		return -ENODATA;
	/* Without permission, stat shows an exit code of 0. The link to the executable requires the same permission,
	 * and a zombie has no such link (ENOENT). */
	if (beget__procfs_link(path, sizeof(path), "/proc/%d/exe", (int)pid) != -ENOENT)
		return -ENODATA;
	int error = beget__procfs_read(&stat, "/proc/%d/stat", (int)pid);
	/* "pid (comm) state ... exit_code": comm may contain any character, so parse from its last bracket. */
	const char *state = strrchr(stat.text, ')');
	const char *code = strrchr(stat.text, ' ');
	if (error || !state || strncmp(state, ") Z ", 4) != 0 || code < state)
		error = -ENODATA;
	else
		*wait_status = atoi(code);
	beget__procfs_free(&stat);
	return error;
}

enum { STAT_THREADS = 20, STAT_STARTED = 22 };

/* What /proc shows of a process; state is 0 if nothing can be seen. */
struct look {
	char state;
	uint64_t threads, started;
};

static struct look look(pid_t pid)
{
	struct look ret = {0};
	struct beget__text stat;

	if (!beget__procfs_numbers_ours())
		return ret;
	if (beget__procfs_read(&stat, "/proc/%d/stat", (int)pid) == 0) {
		const char *state = strrchr(stat.text, ')');
		ret.started = beget__procfs_stat(stat.text, STAT_STARTED);
		ret.threads = beget__procfs_stat(stat.text, STAT_THREADS);
		ret.state = state && ret.started ? state[2] : 0;
	}
	beget__procfs_free(&stat);
	return ret;
}

uint64_t beget__proc_started(pid_t pid)
{
	return look(pid).started;
}

bool beget__proc_stopped(pid_t pid)
{
	struct look now = look(pid);

	return now.state == 'T' || now.state == 't';
}

bool beget__proc_gone(pid_t pid, uint64_t started)
{
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return true;
	struct look now = look(pid);
	if (!started || !now.state)
		return false;
	if (now.started != started)
		return true;
	/* When the first thread has ended, the process shows as a zombie although other threads are running. */
	return (now.state == 'Z' || now.state == 'X') && now.threads <= 1;
}

int64_t beget__proc_memory_kib(pid_t pid)
{
	long resident = 0, shared = 0;
	struct beget__text statm;

	if (beget__procfs_read(&statm, "/proc/%d/statm", (int)pid) == 0)
		(void)sscanf(statm.text, "%*d %ld %ld", &resident, &shared);
	beget__procfs_free(&statm);
	return (int64_t)(resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The link cannot be read while the namespace has no init. */
bool beget__proc_next_is_init(void)
{
	char text[64];

	return beget__procfs_link(text, sizeof(text), "/proc/thread-self/ns/pid") > 0 &&
	       beget__procfs_link(text, sizeof(text), "/proc/thread-self/ns/pid_for_children") == -ENOENT;
}

bool beget__proc_children_elsewhere(void)
{
	char own[64], theirs[64];

	return beget__procfs_link(own, sizeof(own), "/proc/thread-self/ns/pid") <= 0 ||
	       beget__procfs_link(theirs, sizeof(theirs), "/proc/thread-self/ns/pid_for_children") <= 0 ||
	       strcmp(own, theirs) != 0;
}

bool beget__proc_adopts_orphans(void)
{
	int subreaper = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	return subreaper || getpid() == 1;
}

int beget__proc_adopt_orphans(void)
{
	FAULT("subreaper", -fault);
	return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

int beget__proc_die_with(pid_t parent)
{
	FAULT("pdeathsig", -fault);
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	if (getppid() != parent) /* it has ended already */
		kill(getpid(), SIGKILL);
	return 0;
}

int beget__proc_open_children(void)
{
	FAULT("children", -fault);
	return beget__fd_open("/proc/thread-self/children", O_RDONLY);
}
