/* Unnamed files that carry memory from process to process. Failures are negative errnos. */
#ifndef BEGET__FILE_H
#define BEGET__FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/uio.h>

/* Memory that travels as a descriptor: an empty unnamed file; filled, then sealed where the kernel can. */
int beget__file_create(size_t size);
int beget__file_write(int fd, const struct iovec *, int n);
void beget__file_seal(int fd);

/* What stands in the way of such a file: soft limits on sizes and descriptors become the hard ones, and back. */
enum { BEGET__FILE_LIMITS = 2 };
void beget__file_raise_limits(struct rlimit before[BEGET__FILE_LIMITS]);
void beget__file_restore_limits(const struct rlimit before[BEGET__FILE_LIMITS]);
int beget__file_map(int fd, size_t size, void **ret); /* private, writable */
/* The same for a file that came from another process: a copy, unless it is sealed. */
int beget__file_map_given(int fd, size_t size, void **ret);
void beget__file_unmap(void *, size_t);

/* The same file as memory for several processes. Where *at is not NULL, the mapping replaces the one there. */
int beget__file_size(int fd, size_t size); /* zeros, and never another size */
void beget__file_fix(int fd);              /* a received one too, where the kernel can */
int beget__file_map_shared(int fd, size_t size, void **at);
int beget__file_map_sealed(int fd, size_t size, void **at); /* to be read only */
/* From now on no process can write to it. -EBUSY where one still could; a file that cannot be sealed is reopened for
 * reading, if it was not lent. */
int beget__file_seal_written(int *fd, bool lent);
bool beget__file_sealed(int fd);

/* Executing the file gives rights: it is set-id, has capabilities, or neither can be seen. */
bool beget__file_gains_rights(int fd);

char *beget__file_real(const char *path); /* absolute, without links; to be freed. NULL and errno */

#endif
