/* Descriptors: opening, closing, identifying and waiting, with fallbacks for older kernels.
 * Runs in every process. */
#include "os/fd.h"

#include "os/clock.h"
#include "os/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* A host that has closed its standard streams must not find our descriptors in their place. */
int beget__fd_above_stdio(int fd)
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

int beget__fd_keep_both(int pair[2], int ret[2])
{
	if (pair[0] < 0 || pair[1] < 0) {
		int error = pair[0] < 0 ? pair[0] : pair[1];
		beget__fd_close(&pair[0]);
		beget__fd_close(&pair[1]);
		return error;
	}
	memcpy(ret, pair, 2 * sizeof(*ret));
	return 0;
}

int beget__fd_pipe(int fds[2])
{
	int pair[2];

	FAULT("pipe", -fault);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pair[0] = beget__fd_above_stdio(pair[0]);
	pair[1] = beget__fd_above_stdio(pair[1]);
	return beget__fd_keep_both(pair, fds);
}

int beget__fd_open(const char *path, int flags)
{
	FAULT("open", -fault);
	return beget__fd_above_stdio(open(path, flags | O_CLOEXEC, 0666));
}

int beget__fd_open_nothing(void)
{
	FAULT("open", -fault);
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != EMFILE && errno != ENFILE)
		fd = open("/", O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int beget__fd_dup(int fd)
{
	return beget__fd_dup_from(fd, STDERR_FILENO + 1);
}

int beget__fd_dup_from(int fd, int least)
{
	FAULT("dup", -fault);
	int up = fcntl(fd, F_DUPFD_CLOEXEC, least);
	return up < 0 ? -errno : up;
}

int beget__fd_move_aside(int fd)
{
	int up = fd < 0 || fd >= BEGET__FD_ASIDE ? -1 : beget__fd_dup_from(fd, BEGET__FD_ASIDE);

	if (up < 0)
		return fd;
	close(fd);
	return up;
}

int beget__fd_put(int fd, int number)
{
	FAULT("dup2", -fault);
	if (fd == number)
		return beget__fd_set_inherited(fd, true);
	while (dup2(fd, number) < 0)
		if (errno != EINTR && errno != EBUSY)
			return -errno;
	return 0;
}

bool beget__fd_open_now(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

bool beget__fd_closes_on_exec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && (flags & FD_CLOEXEC);
}

int beget__fd_set_inherited(int fd, bool inherited)
{
	FAULT("setfd", -fault);
	return fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) < 0 ? -errno : 0;
}

bool beget__fd_regular(int fd, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return false;
	*size = (size_t)st.st_size;
	return true;
}

ssize_t beget__fd_read_at(int fd, void *to, size_t size, uint64_t offset)
{
	ssize_t n;

	FAULT("pread", -fault);
	if (offset > INT64_MAX)
		return -EINVAL;
	do
		n = pread(fd, to, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int beget__fd_write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	ssize_t n = pwrite(fd, data, size, (off_t)offset);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
}

int beget__fd_write(int fd, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		FAULT("write", -fault);
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

void beget__fd_close_number(int fd)
{
	if (fd >= 0)
		close(fd);
}

void beget__fd_close(int *fd)
{
	beget__fd_close_number(*fd);
	*fd = -1;
}

struct beget__identity beget__fd_identity(int fd)
{
	struct stat st;
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	/* A socket's cookie is never reused, and reading it is faster than reading the inode number. */
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0)
		return (struct beget__identity){~UINT64_C(0), cookie};
	if (fd < 0 || fstat(fd, &st) < 0)
		return (struct beget__identity){0, 0};
	return (struct beget__identity){st.st_dev, st.st_ino};
}

bool beget__fd_is(int fd, const struct beget__identity *identity)
{
	struct beget__identity now = beget__fd_identity(fd);

	return now.inode && now.inode == identity->inode && now.device == identity->device;
}

/* Linux before 5.9 has no close_range. Async-signal-safe: no opendir, because the child may share the parent's
 * memory. */
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
	/* Closing descriptors while reading the list can make the kernel skip entries, so repeat until nothing was
	 * closed. */
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
				/* A descriptor that is listed but cannot be closed belongs to a tool that watches this
				 * process. */
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

void beget__fd_close_range(unsigned first, unsigned last)
{
	if (first <= last && close_range_call(first, last) < 0)
		close_listed(first, last);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void beget__fd_close_but(int from, int *keep, size_t n)
{
	if (n > 1)
		qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > from)
			beget__fd_close_range((unsigned)from, (unsigned)keep[i] - 1);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	beget__fd_close_range((unsigned)from, ~0u);
}

int beget__fd_set_signal(int fd, int signal)
{
	FAULT("setsig", -fault);
	return fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETSIG, signal) < 0 ||
	                       fcntl(fd, F_SETFL, O_RDWR | O_ASYNC) < 0
	               ? -errno
	               : 0;
}

void beget__fd_clear_signal(int fd)
{
	fcntl(fd, F_SETFL, O_RDWR);
}

static int poll_plainly(struct pollfd *fds, size_t n, int timeout_ms)
{
	FAULT("poll", -fault);
	int ready = poll(fds, n, timeout_ms);
	return ready < 0 ? -errno : ready;
}

static int poll_precisely(struct pollfd *fds, size_t n, const struct timespec *limit)
{
	FAULT("ppoll", -fault);
	int ready = ppoll(fds, n, limit, NULL);
	return ready < 0 ? -errno : ready;
}

enum { REFUSED_MS = 20 };

/* A sandbox's filter may permit only the newer call. If both fail, for example because the process may have fewer
 * descriptors than are polled, a pause keeps loops from being busy. */
int beget__fd_poll(struct pollfd *fds, size_t n, int timeout_ms)
{
	struct timespec limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	int ready = poll_plainly(fds, n, timeout_ms);

	if (ready < 0 && ready != -EINTR && ready != -ENOMEM)
		ready = poll_precisely(fds, n, timeout_ms < 0 ? NULL : &limit);
	if (ready < 0 && ready != -EINTR && timeout_ms)
		beget__clock_sleep_ms(timeout_ms < 0 || timeout_ms > REFUSED_MS ? REFUSED_MS : timeout_ms);
	return ready;
}
