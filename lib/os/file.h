/* Unnamed files that carry memory between processes. Failures are negative errnos. */
#ifndef BEGET__FILE_H
#define BEGET__FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/uio.h>

/* Creates an empty unnamed file; the functions below fill it and seal it where the kernel can. */
int beget__file_create(size_t size);
int beget__file_write(int fd, const struct iovec *, int n);
void beget__file_seal(int fd);

/* Raises the soft limits on file sizes and descriptors to the hard limits while a file is created, and restores
 * them. */
enum { BEGET__FILE_LIMITS = 2 };
void beget__file_raise_limits(struct rlimit before[BEGET__FILE_LIMITS]);
void beget__file_restore_limits(const struct rlimit before[BEGET__FILE_LIMITS]);
int beget__file_map(int fd, size_t size, void **ret); /* private, writable */
/* The same for a file from another process: a copy, unless the file is sealed. */
int beget__file_map_given(int fd, size_t size, void **ret);
/* Reads size bytes from the start of the file. */
int beget__file_read(int fd, void *to, size_t size);
void beget__file_unmap(void *, size_t);

/* A mapped file whose size cannot change, whatever is written to it. Fails for temporary files, which cannot be
 * sealed. */
int beget__file_bounded(size_t size, void **map);
bool beget__file_is_bounded(int fd, size_t size);

/* The same file as memory for several processes. A mapping at *at is replaced, unless *at is NULL. */
int beget__file_size(int fd, size_t size); /* filled with zeros; the size is final */
void beget__file_fix(int fd);              /* fixes the size of a received file too, where the kernel can */
int beget__file_map_shared(int fd, size_t size, void **at);
int beget__file_map_sealed(int fd, size_t size, void **at); /* read-only */
/* Seals the file against writing by any process. -EBUSY: a process could still write to it. A file that cannot be
 * sealed is reopened for reading, unless it was lent. */
int beget__file_seal_written(int *fd, bool lent);
bool beget__file_sealed(int fd);

/* True if executing the file changes privileges (it is set-id or has capabilities) or if that cannot be determined. */
bool beget__file_gains_rights(int fd);

/* True for a regular file and for a missing file: opening it does not wait for another process. */
bool beget__file_plain(const char *path);
int beget__file_executable(const char *path); /* 0 if this user may execute the file */

char *beget__file_real(const char *path); /* absolute, without symbolic links, to be freed; on failure NULL and errno */

#endif
