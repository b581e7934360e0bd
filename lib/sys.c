/* Every system call and allocation of the library, with the fallbacks for what a kernel lacks.
 * Runs in caller, helper and child; knows nothing of what the calls are for. */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ioctl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
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
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

int (*beget__sys_fault)(const char *call);

enum { HUGE_PAGE = 2 << 20 };

/* Leaves the calling function with an injected failure. */
#define FAULT(call, ...)                                                                                               \
	do {                                                                                                           \
		int fault = beget__sys_fault ? beget__sys_fault(call) : 0;                                             \
		if (fault) {                                                                                           \
			errno = fault;                                                                                 \
			return __VA_ARGS__;                                                                            \
		}                                                                                                      \
	} while (0)

void *beget__sys_alloc(size_t size)
{
	FAULT("alloc", NULL);
	return calloc(1, size);
}

void *beget__sys_alloc_aligned(size_t align, size_t size)
{
	FAULT("alloc", NULL);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

void *beget__sys_alloc_cleared(size_t align, size_t size)
{
	enum { WHOLE_PAGES = 65536 };

	FAULT("alloc", NULL);
	if (size > SIZE_MAX / 2)
		return NULL;
	if (size >= WHOLE_PAGES) { /* which are zeros, and aligned, and not there before they are touched */
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	void *p = beget__sys_alloc_aligned(align, size);
	return p ? memset(p, 0, size) : NULL;
}

void *beget__sys_alloc_unset(size_t size)
{
	FAULT("alloc", NULL);
	return malloc(size);
}

/* A host that closed its standard streams must not find our descriptors there. */
int beget__sys_above_stdio(int fd)
{
	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	int up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int error = errno;
	close(fd);
	return up < 0 ? -error : up;
}

static int keep_both(int pair[2], int ret[2])
{
	if (pair[0] < 0 || pair[1] < 0) {
		int error = pair[0] < 0 ? pair[0] : pair[1];
		beget__sys_close(&pair[0]);
		beget__sys_close(&pair[1]);
		return error;
	}
	memcpy(ret, pair, 2 * sizeof(*ret));
	return 0;
}

int beget__sys_pair(int fds[2])
{
	int pair[2];

	FAULT("socketpair", -fault);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pair[0] = beget__sys_above_stdio(pair[0]);
	pair[1] = beget__sys_above_stdio(pair[1]);
	return keep_both(pair, fds);
}

int beget__sys_tell_senders(int socket)
{
	int on = 1;

	return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

int beget__sys_pipe(int fds[2])
{
	int pair[2];

	FAULT("pipe", -fault);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pair[0] = beget__sys_above_stdio(pair[0]);
	pair[1] = beget__sys_above_stdio(pair[1]);
	return keep_both(pair, fds);
}

int beget__sys_open(const char *path, int flags)
{
	FAULT("open", -fault);
	return beget__sys_above_stdio(open(path, flags | O_CLOEXEC, 0666));
}

int beget__sys_dup(int fd)
{
	FAULT("dup", -fault);
	int up = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return up < 0 ? -errno : up;
}

void beget__sys_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

struct beget__identity beget__sys_identity(int fd)
{
	struct stat st;
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	/* Of a socket, the number that is never given again: sooner had than that of its inode. */
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0)
		return (struct beget__identity){~UINT64_C(0), cookie};
	if (fd < 0 || fstat(fd, &st) < 0)
		return (struct beget__identity){0, 0};
	return (struct beget__identity){st.st_dev, st.st_ino};
}

bool beget__sys_is(int fd, const struct beget__identity *identity)
{
	struct beget__identity now = beget__sys_identity(fd);

	return now.inode && now.inode == identity->inode && now.device == identity->device;
}

/* Linux before 5.9 has no close_range. Async-signal-safe: no opendir in a child that shares memory. */
static void close_listed(unsigned first, unsigned last)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		unsigned short length;
		unsigned char type;
		char name[];
	};
	_Alignas(struct entry) char buffer[1024];
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		long most = sysconf(_SC_OPEN_MAX);
		for (unsigned i = first; i <= last && (long)i < most; i++)
			close((int)i);
		return;
	}
	/* Closing while reading can make the kernel skip entries: read again until nothing was closed. */
	for (bool closed = true; closed;) {
		long n;
		closed = false;
		lseek(fd, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0)
			for (long at = 0; at < n;) {
				const struct entry *e = (const void *)(buffer + at);
				unsigned number = 0;
				for (const char *c = e->name; *c >= '0' && *c <= '9'; c++)
					number = number * 10 + (unsigned)(*c - '0');
				at += e->length;
				if (e->name[0] == '.' || number < first || number > last || (int)number == fd)
					continue;
				/* Listed and yet not ours to close: what watches us keeps it. */
				closed |= close((int)number) == 0 || errno != EBADF;
			}
	}
	close(fd);
}

static int close_range_call(unsigned first, unsigned last)
{
	FAULT("close_range", -fault);
	return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

void beget__sys_close_range(unsigned first, unsigned last)
{
	if (first <= last && close_range_call(first, last) < 0)
		close_listed(first, last);
}

ssize_t beget__sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t n;

	FAULT("sendmsg", -fault);
	do
		n = sendmsg(fd, message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ETOOMANYREFS) /* too many descriptors in flight: a limit on descriptors all the same */
		return -EMFILE;
	if (n < 0 && errno == ENOBUFS)
		return -ENOMEM;
	return n < 0 ? -errno : n;
}

void beget__sys_widen(int socket)
{
	int most = INT_MAX / 2;

	(void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

ssize_t beget__sys_recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n;

	FAULT("recvmsg", -fault);
	do
		n = recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

size_t beget__sys_unread(int socket)
{
	int n = 0;

	return ioctl(socket, FIONREAD, &n) < 0 || n < 0 ? 0 : (size_t)n;
}

int beget__sys_poll(struct pollfd *fds, size_t n, int timeout_ms)
{
	FAULT("poll", -fault);
	int ready = poll(fds, n, timeout_ms);
	return ready < 0 ? -errno : ready;
}

static int memfd(void)
{
	FAULT("memfd_create", -fault);
	int fd = memfd_create("beget", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

/* RLIMIT_FSIZE binds memory files too, and the answer is SIGXFSZ: ask before. */
static bool file_size_allowed(size_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

int beget__sys_file(size_t size)
{
	if (!file_size_allowed(size))
		return -EFBIG;
	int fd = beget__sys_above_stdio(memfd());
	if (fd >= 0)
		return fd;
	fd = beget__sys_open("/dev/shm", O_TMPFILE | O_RDWR);
	if (fd < 0)
		fd = beget__sys_open(P_tmpdir, O_TMPFILE | O_RDWR);
	return fd;
}

int beget__sys_file_write(int fd, const struct iovec *iov, int n)
{
	struct iovec rest[16];

	while (n > 0) {
		int batch = n < 16 ? n : 16;
		memcpy(rest, iov, (size_t)batch * sizeof(*rest));
		for (struct iovec *v = rest; v < rest + batch;) {
			FAULT("writev", -fault);
			ssize_t done = writev(fd, v, (int)(rest + batch - v));
			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0)
				return -errno;
			for (; v < rest + batch && (size_t)done >= v->iov_len; v++)
				done -= (ssize_t)v->iov_len;
			if (v < rest + batch) {
				v->iov_base = (char *)v->iov_base + done;
				v->iov_len -= (size_t)done;
			}
		}
		iov += batch;
		n -= batch;
	}
	return 0;
}

void beget__sys_file_seal(int fd)
{
	/* A temporary file cannot be sealed; nobody else can reach it. */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static const __rlimit_resource_t file_limits[BEGET__FILE_LIMITS] = {RLIMIT_FSIZE, RLIMIT_NOFILE};

void beget__sys_raise_limits(struct rlimit before[BEGET__FILE_LIMITS])
{
	for (int i = 0; i < BEGET__FILE_LIMITS; i++) {
		if (getrlimit(file_limits[i], &before[i]) < 0)
			before[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
		else if (before[i].rlim_cur != before[i].rlim_max)
			setrlimit(file_limits[i], &(struct rlimit){before[i].rlim_max, before[i].rlim_max});
	}
}

void beget__sys_restore_limits(const struct rlimit before[BEGET__FILE_LIMITS])
{
	for (int i = 0; i < BEGET__FILE_LIMITS; i++)
		if (before[i].rlim_cur != before[i].rlim_max)
			setrlimit(file_limits[i], &before[i]);
}

int beget__sys_map(int fd, size_t size, void **ret)
{
	struct stat st;

	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return -EINVAL; /* reading behind the end of a file is SIGBUS */
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

int beget__sys_file_size(int fd, size_t size)
{
	FAULT("ftruncate", -fault);
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return 0;
	/* A temporary file: what is not there when it is touched would be SIGBUS. */
	return -posix_fallocate(fd, 0, (off_t)size);
}

void beget__sys_file_fix(int fd)
{
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
}

static int map_at(int fd, size_t size, int protection, int flags, void **at)
{
	struct stat st;

	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return -EINVAL; /* reading behind the end of a file is SIGBUS */
	void *p = mmap(*at, size, protection, flags | (*at ? MAP_FIXED : 0), fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* Where the system allows it for such files, a large one takes fewer page faults. */
	if (size >= HUGE_PAGE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	*at = p;
	return 0;
}

int beget__sys_map_shared(int fd, size_t size, void **at)
{
	return map_at(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED, at);
}

/* Private, because before Linux 6.7 a shared mapping that could become writable is refused for a sealed file. */
int beget__sys_map_sealed(int fd, size_t size, void **at)
{
	return map_at(fd, size, PROT_READ, MAP_PRIVATE, at);
}

bool beget__sys_file_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS), all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;

	return seals >= 0 && (seals & F_SEAL_SHRINK) ? (seals & all) == all
	                                             : (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

int beget__sys_file_seal_written(int *fd, bool lent)
{
	char name[32];

	FAULT("seal", -fault);
	int seals = fcntl(*fd, F_GET_SEALS);
	if (seals >= 0 && (seals & F_SEAL_SHRINK))
		return fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
	if (lent)
		return -EBUSY;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", *fd);
	int reading = beget__sys_open(name, O_RDONLY);
	if (reading < 0)
		return reading;
	beget__sys_close(fd);
	*fd = reading;
	return 0;
}

/* A file that another process can cut is SIGBUS for whoever has mapped it; one that it can write changes between a
 * check and the use of what was checked. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE) && (seals & F_SEAL_SHRINK);
}

/* Over its holes, so that a size alone takes no memory. */
static int copy_file(int fd, char *to, size_t size)
{
	size_t at = 0;

	while (at < size) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0; /* no more of it */
		if (data > (off_t)at)
			at = (size_t)data;
		off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);
		size_t end = hole > (off_t)at && (size_t)hole < size ? (size_t)hole : size;
		while (at < end) {
			ssize_t n = pread(fd, to + at, end - at, (off_t)at);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return n < 0 ? -errno : -EINVAL;
			at += (size_t)n;
		}
	}
	return 0;
}

int beget__sys_map_given(int fd, size_t size, void **ret)
{
	struct stat st;

	if (is_sealed(fd))
		return beget__sys_map(fd, size, ret);
	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < size)
		return -EINVAL;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	int error = copy_file(fd, p, size);
	if (error) {
		beget__sys_unmap(p, size);
		return error;
	}
	*ret = p;
	return 0;
}

void beget__sys_unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

pid_t beget__sys_fork(void)
{
	FAULT("fork", -fault);
	pid_t pid = fork(); /* libc's: atfork handlers run and libc's own locks are in order in the child */
	return pid < 0 ? -errno : pid;
}

static pid_t clone_pidfd(int (*child)(void *), void *stack, int flags, void *argument, int *pidfd)
{
	FAULT("clone_pidfd", -1);
	return clone(child, stack, flags | CLONE_PIDFD, argument, pidfd);
}

/* The thread sanitizer takes a child on our memory for ourselves, and is blind to our locks from then on. */
#ifdef __SANITIZE_THREAD__
#define ON_OUR_MEMORY 0
#else
#define ON_OUR_MEMORY CLONE_VM
#endif

pid_t beget__sys_vfork(int (*child)(void *), void *argument, int exit_signal, int *pidfd)
{
	enum { STACK = 32768 };

	FAULT("clone", -fault);
	char *stack = beget__sys_alloc_aligned(64, STACK);
	if (!stack)
		return -ENOMEM;
	int flags = ON_OUR_MEMORY | CLONE_VFORK | exit_signal;
	pid_t pid = -1;
	*pidfd = -1;
	if (exit_signal)
		pid = clone_pidfd(child, stack + STACK, flags, argument, pidfd);
	if (pid < 0 && (!exit_signal || errno == EINVAL || errno == ENOSYS || errno == EPERM))
		pid = clone(child, stack + STACK, flags, argument);
	int error = errno;
	free(stack);
	if (pid < 0)
		return -error;
	if (*pidfd >= 0 && *pidfd <= STDERR_FILENO)
		*pidfd = beget__sys_above_stdio(*pidfd);
	return pid;
}

int beget__sys_pidfd_open(pid_t pid)
{
	FAULT("pidfd_open", -fault);
	return beget__sys_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
}

static int pidfd_signal(int pidfd, int signal)
{
	FAULT("pidfd_send_signal", -fault);
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/* A missing feature of the kernel, or of what stands between it and us, shows in several ways. */
static bool missing(int error)
{
	return error == -ENOSYS || error == -EPERM || error == -EINVAL || error == -ENOTTY;
}

int beget__sys_signal(pid_t pid, int pidfd, int signal)
{
	int error = pidfd >= 0 ? pidfd_signal(pidfd, signal) : -ENOSYS;

	if (missing(error) && pid > 0)
		error = kill(pid, signal) < 0 ? -errno : 0;
	return error;
}

int beget__sys_waitid(idtype_t type, id_t id, siginfo_t *info, int options, struct rusage *usage)
{
	FAULT(type == P_PIDFD ? "waitid_pidfd" : "waitid", -fault);
	info->si_pid = 0;
	/* libc's has no rusage */
	return syscall(SYS_waitid, type, id, info, options, usage) < 0 ? -errno : 0;
}

/* Linux 6.15 and later; the headers here may be older. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_INFO_EXIT_BIT (UINT64_C(1) << 3)
#define PIDFD_INFO_CALL     _IOWR(0xFF, 11, struct pidfd_info)

int beget__sys_pidfd_exit(int pidfd, int *wait_status)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT_BIT};

	FAULT("pidfd_info", -fault);
	if (pidfd < 0)
		return -ENODATA;
	/* The kernel looks for the record, then for the process: one that goes in between leaves its record just now.
	 */
	int answer = ioctl(pidfd, PIDFD_INFO_CALL, &info);
	if (answer < 0 && errno == ESRCH)
		answer = ioctl(pidfd, PIDFD_INFO_CALL, &info);
	if (answer < 0)
		return -ENODATA;
	if (!(info.mask & PIDFD_INFO_EXIT_BIT))
		return -EAGAIN;
	*wait_status = info.exit_code;
	return 0;
}

static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

int beget__sys_zombie_exit(pid_t pid, int *wait_status)
{
	char text[1024];

	FAULT("zombie", -fault);
	/* Where we may not look, stat shows an exit code of 0; io has the same guard, and refuses. */
	if (!read_proc(pid, "io", text, sizeof(text)) || !read_proc(pid, "stat", text, sizeof(text)))
		return -ENODATA;
	/* "pid (comm) state ... exit_code": comm may hold anything, so start behind its last bracket. */
	const char *state = strrchr(text, ')');
	const char *code = strrchr(text, ' ');
	if (!state || strncmp(state, ") Z ", 4) != 0 || code < state)
		return -ENODATA;
	*wait_status = atoi(code);
	return 0;
}

enum { STAT_THREADS = 20, STAT_STARTED = 22 };

/* The n-th field of a process's stat. The second may hold anything, so count from behind its bracket. */
static uint64_t stat_field(const char *stat, int n)
{
	const char *p = strrchr(stat, ')');

	for (int field = 2; p && field < n; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

uint64_t beget__sys_started(pid_t pid)
{
	char text[1024];

	return read_proc(pid, "stat", text, sizeof(text)) ? stat_field(text, STAT_STARTED) : 0;
}

bool beget__sys_stopped(pid_t pid)
{
	char text[1024];
	const char *state = read_proc(pid, "stat", text, sizeof(text)) ? strrchr(text, ')') : NULL;

	return state && (state[2] == 'T' || state[2] == 't');
}

bool beget__sys_gone(pid_t pid, uint64_t started)
{
	char text[1024];

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return true;
	if (!started || !read_proc(pid, "stat", text, sizeof(text)))
		return false;
	if (stat_field(text, STAT_STARTED) != started)
		return true;
	/* A first thread that has ended is a zombie as long as others run. */
	const char *state = strrchr(text, ')');
	return state && (state[2] == 'Z' || state[2] == 'X') && stat_field(text, STAT_THREADS) <= 1;
}

/* Joined threads stay listed for a while: PF_EXITING in the flags tells them. */
static int thread_runs(int tasks, const char *name)
{
	char path[300], text[512];
	unsigned flags;

	snprintf(path, sizeof(path), "%s/stat", name);
	int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	return p && sscanf(p, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && !(flags & 0x4u);
}

int beget__sys_threads(void)
{
	int n = 0;

	if (__libc_single_threaded)
		return 1;
	DIR *tasks = opendir("/proc/self/task");
	if (!tasks && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	if (!tasks)
		return 2; /* libc saw threads, and nobody says that they are gone */
	for (const struct dirent *e; n >= 0 && (e = readdir(tasks));) {
		int runs = e->d_name[0] != '.' ? thread_runs(dirfd(tasks), e->d_name) : 0;
		n = runs < 0 ? runs : n + runs;
	}
	closedir(tasks);
	return n ? n : 1;
}

int64_t beget__sys_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int beget__sys_no_cancel(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

void beget__sys_cancel(int before)
{
	pthread_setcancelstate(before, NULL);
}
