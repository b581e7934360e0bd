/* A program that executes the image for us: a sandbox, a tracer, a profiler. Zero is none. */
#ifndef BEGET__LAUNCHER_H
#define BEGET__LAUNCHER_H

#include <stddef.h>

struct beget__launcher {
	char *path;  /* NULL: none */
	char **argv; /* as the user wrote it */
};

/* Copies the arguments and finds the program as execvp(3) would. */
int beget__launcher_find(struct beget__launcher *ret, const char *const *argv);
void beget__launcher_free(struct beget__launcher *);

/* The file that becomes its standard error, or -1: a launcher that fails is then not quoted. */
int beget__launcher_open_output(void);

/* The end of what was printed there, as one line; returns text. */
const char *beget__launcher_quote(int fd, char *text, size_t size);

#endif
