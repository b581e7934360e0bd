/* Files, links and directories of /proc. Failures are negative errnos. Paths are printf formats. */
#ifndef BEGET__PROCFS_H
#define BEGET__PROCFS_H

#include <stdbool.h>
#include <stddef.h>

/* The text of a whole file, with a zero behind it; "" after a failure. */
struct beget__text {
	char *text;
	size_t size;
	char room[4096]; /* enough for most: then nothing is allocated */
};

__attribute__((format(printf, 2, 3))) int beget__procfs_read(struct beget__text *, const char *path, ...);
void beget__procfs_free(struct beget__text *);

/* The value of a line "Name:\tvalue", without the spaces before it. NULL: there is no such line, or it is cut. */
const char *beget__procfs_field(const char *text, const char *name, size_t *size);

/* Whether its numbers are those of our pid namespace: else what has a number there is another process. */
bool beget__procfs_numbers_ours(void);

/* What a symbolic link says: its length. -ENAMETOOLONG if it does not fit with a zero behind it. */
__attribute__((format(printf, 3, 4))) int beget__procfs_link(char *text, size_t size, const char *path, ...);

/* Visits the entries of a directory that are numbers, until a visit returns a negative errno, and returns that. */
int beget__procfs_list(const char *path, int (*visit)(int number, void *data), void *data);

/* The descriptors that are open, in ascending order; to be freed. */
int beget__procfs_descriptors(int **ret, size_t *n);

#endif
