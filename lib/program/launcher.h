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

#endif
