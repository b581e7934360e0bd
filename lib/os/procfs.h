/* Files, links and directories of /proc. Failures are negative errnos. Paths are printf formats. */
#ifndef BEGET__PROCFS_H
#define BEGET__PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of a whole file, terminated by a zero; "" after a failure. */
struct beget__text {
	char *text;
	size_t size;
	char room[4096]; /* enough for most files, without an allocation */
};

__attribute__((format(printf, 2, 3))) int beget__procfs_read(struct beget__text *, const char *path, ...);
void beget__procfs_free(struct beget__text *);

/* The value of a line "Name:\tvalue", without leading spaces. NULL: the line is missing or truncated. */
const char *beget__procfs_field(const char *text, const char *name, size_t *size);

/* The n-th field of /proc/PID/stat, which is a number. 0: it is missing. */
uint64_t beget__procfs_stat(const char *stat, int n);

/* True if /proc uses the numbers of our pid namespace. Otherwise a number there belongs to another process. */
bool beget__procfs_numbers_ours(void);

/* Reads a symbolic link and returns its length. -ENAMETOOLONG: it does not fit with a terminating zero. */
__attribute__((format(printf, 3, 4))) int beget__procfs_link(char *text, size_t size, const char *path, ...);

/* The path of the file that this process has mapped at the address. */
int beget__procfs_mapped(uintptr_t address, char *path, size_t size);

/* Visits the directory entries that are numbers. Stops when a visit returns a negative errno, and returns that. */
int beget__procfs_list(const char *path, int (*visit)(int number, void *data), void *data);

/* The open descriptors in ascending order; to be freed. */
int beget__procfs_descriptors(int **ret, size_t *n);

#endif
