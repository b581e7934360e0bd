/* Memory, descriptors, sockets and time: the calls that every process of ours makes, with the fallbacks for what a
 * kernel lacks. Runs in caller, helper and child; knows nothing of what the calls are for. */
#include "sys.h"

#include "sys_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

int (*beget__sys_fault)(const char *call);

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

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void beget__sys_close_but(int from, int *keep, size_t n)
{
	if (n > 1)
		qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > from)
			beget__sys_close_range((unsigned)from, (unsigned)keep[i] - 1);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	beget__sys_close_range((unsigned)from, ~0u);
}

ssize_t beget__sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t n;

	FAULT("sendmsg", -fault);
	if (message->msg_control)
		FAULT("sendmsg_fds", -fault);
	do
		n = sendmsg(fd, message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
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

int64_t beget__sys_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const int64_t NEVER = INT64_MAX;

int64_t beget__sys_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? NEVER : beget__sys_now_ms() + timeout_ms;
}

int beget__sys_left_ms(int64_t deadline)
{
	if (deadline == NEVER)
		return -1;
	int64_t left = deadline - beget__sys_now_ms();
	return left > 0 ? (int)left : 0;
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
