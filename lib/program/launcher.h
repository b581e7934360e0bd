/* A program that executes the image for us: a sandbox, a tracer, a profiler. Zero is none. */
#ifndef BEGET__LAUNCHER_H
#define BEGET__LAUNCHER_H

#include <stddef.h>

struct beget__launcher {
	char *path;  /* NULL: none */
	char **argv; /* as the user wrote it */
};

/* Copies the arguments and finds the program like execvp(3). */
int beget__launcher_find(struct beget__launcher *ret, const char *const *argv);
void beget__launcher_free(struct beget__launcher *);

/* The file for its standard error; -1: a launcher that fails is not quoted. */
int beget__launcher_open_output(void);

/* The end of its output, as one line; returns text. */
const char *beget__launcher_quote(int fd, char *text, size_t size);

#endif
