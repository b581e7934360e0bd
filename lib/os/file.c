/* Memory that is passed as a descriptor: unnamed files that are sized, mapped and sealed, with fallbacks for kernels
 * without memfd_create. Runs in caller, helper and child. */
#include "os/file.h"

#include "os/fault.h"
#include "os/fd.h"
#include "os/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

static int memfd(const char *name)
{
	FAULT("memfd_create", -fault);
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

/* RLIMIT_FSIZE also applies to memory files, and exceeding it raises SIGXFSZ: check it first, and fail if it cannot be
 * read. */
static int check_size_limit(size_t size)
{
	struct rlimit limit;

	FAULT("getrlimit", -fault);
	if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
		return -errno;
	return limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur ? 0 : -EFBIG;
}

static int create(const char *name, size_t size)
{
	int error = check_size_limit(size);
	if (error)
		return error;
	int fd = beget__fd_above_stdio(memfd(name));
	if (fd >= 0)
		return fd;
	fd = beget__fd_open("/dev/shm", O_TMPFILE | O_RDWR);
	if (fd < 0)
		fd = beget__fd_open(P_tmpdir, O_TMPFILE | O_RDWR);
	return fd;
}

int beget__file_create(size_t size)
{
	return create("beget", size);
}

int beget__file_write(int fd, const struct iovec *iov, int n)
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

void beget__file_seal(int fd)
{
	/* A temporary file cannot be sealed, but no other process can reach it. */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static const beget__libc_resource file_limits[BEGET__FILE_LIMITS] = {RLIMIT_FSIZE, RLIMIT_NOFILE};

void beget__file_raise_limits(struct rlimit before[BEGET__FILE_LIMITS])
{
	for (int i = 0; i < BEGET__FILE_LIMITS; i++) {
		if (getrlimit(file_limits[i], &before[i]) < 0)
			before[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
		else if (before[i].rlim_cur != before[i].rlim_max)
			setrlimit(file_limits[i], &(struct rlimit){before[i].rlim_max, before[i].rlim_max});
	}
}

void beget__file_restore_limits(const struct rlimit before[BEGET__FILE_LIMITS])
{
	for (int i = 0; i < BEGET__FILE_LIMITS; i++)
		if (before[i].rlim_cur != before[i].rlim_max)
			setrlimit(file_limits[i], &before[i]);
}

int beget__file_map(int fd, size_t size, void **ret)
{
	struct stat st;

	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return -EINVAL; /* reading past the end of a file raises SIGBUS */
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

int beget__file_size(int fd, size_t size)
{
	FAULT("ftruncate", -fault);
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return 0;
	/* A temporary file needs its blocks now: a full disk would raise SIGBUS on the first access. */
	return -posix_fallocate(fd, 0, (off_t)size);
}

void beget__file_fix(int fd)
{
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
}

static int map_at(int fd, size_t size, int protection, int flags, void **at)
{
	struct stat st;

	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size < size)
		return -EINVAL; /* reading past the end of a file raises SIGBUS */
	void *p = mmap(*at, size, protection, flags | (*at ? MAP_FIXED : 0), fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* Where the system permits huge pages for such files, a large file takes fewer page faults. */
	if (size >= HUGE_PAGE)
		(void)madvise(p, size, MADV_HUGEPAGE);
	*at = p;
	return 0;
}

int beget__file_map_shared(int fd, size_t size, void **at)
{
	return map_at(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED, at);
}

static const int bounds = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

int beget__file_bounded(size_t size, void **map)
{
	void *at = NULL;
	int fd = create("beget-bounded", size);
	int error = fd < 0 ? fd : beget__file_size(fd, size);

	if (!error && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0)
		error = -errno;
	if (!error)
		error = beget__file_map_shared(fd, size, &at);
	if (error) {
		beget__fd_close(&fd);
		return error;
	}
	*map = at;
	return fd;
}

bool beget__file_is_bounded(int fd, size_t size)
{
	struct stat st;

	return fcntl(fd, F_GET_SEALS) == bounds && fstat(fd, &st) == 0 && (size_t)st.st_size == size;
}

/* Private: before Linux 6.7, the kernel refuses a shared mapping of a sealed file if it could become writable. */
int beget__file_map_sealed(int fd, size_t size, void **at)
{
	return map_at(fd, size, PROT_READ, MAP_PRIVATE, at);
}

bool beget__file_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS), all = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;

	return seals >= 0 && (seals & F_SEAL_SHRINK) ? (seals & all) == all
	                                             : (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

int beget__file_seal_written(int *fd, bool lent)
{
	char name[32];

	FAULT("seal", -fault);
	int seals = fcntl(*fd, F_GET_SEALS);
	if (seals >= 0 && (seals & F_SEAL_SHRINK))
		return fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
	if (lent)
		return -EBUSY;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", *fd);
	int reading = beget__fd_open(name, O_RDONLY);
	if (reading < 0)
		return reading;
	beget__fd_close(fd);
	*fd = reading;
	return 0;
}

/* If another process can truncate the file, a mapping of it can raise SIGBUS. If another process can write to it, it
 * can change between a check and the use of what was checked. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE) && (seals & F_SEAL_SHRINK);
}

static int read_range(int fd, char *to, size_t at, size_t end)
{
	while (at < end) {
		ssize_t n = pread(fd, to + at, end - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EINVAL;
		at += (size_t)n;
	}
	return 0;
}

int beget__file_read(int fd, void *to, size_t size)
{
	FAULT("pread", -fault);
	return read_range(fd, to, 0, size);
}

/* Skips holes, so that a file with a large size but no data takes no memory. */
static int copy_file(int fd, char *to, size_t size)
{
	int error = 0;

	for (size_t at = 0, end; at < size && !error; at = end) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0; /* no more of it */
		if (data > (off_t)at)
			at = (size_t)data;
		off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);
		end = hole > (off_t)at && (size_t)hole < size ? (size_t)hole : size;
		error = read_range(fd, to, at, end);
	}
	return error;
}

int beget__file_map_given(int fd, size_t size, void **ret)
{
	struct stat st;

	if (is_sealed(fd))
		return beget__file_map(fd, size, ret);
	FAULT("mmap", -fault);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < size)
		return -EINVAL;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	int error = copy_file(fd, p, size);
	if (error) {
		beget__file_unmap(p, size);
		return error;
	}
	*ret = p;
	return 0;
}

void beget__file_unmap(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

/* The attributes of a descriptor that was opened without read access can be read only by name. Both "no such attribute"
 * and "no attributes on this file system" mean none. */
static bool has_capabilities(int fd)
{
	static const char name[] = "security.capability";
	char path[32];

	FAULT("getxattr", true);
	ssize_t n = fgetxattr(fd, name, NULL, 0);
	if (n < 0 && errno == EBADF) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = getxattr(path, name, NULL, 0);
	}
	return n >= 0 || (errno != ENODATA && errno != EOPNOTSUPP);
}

bool beget__file_gains_rights(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (st.st_mode & S_ISUID) || ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP)) ||
	       has_capabilities(fd);
}

bool beget__file_plain(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? errno == ENOENT : S_ISREG(st.st_mode);
}

char *beget__file_real(const char *path)
{
	return realpath(path, NULL);
}

int beget__file_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}
