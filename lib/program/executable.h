/* A program to execute in place of this one, pinned by descriptor; its main calls beget_init. Zero is none. */
#ifndef BEGET__EXECUTABLE_H
#define BEGET__EXECUTABLE_H

#include "os/fd.h"

#include <stdbool.h>

#define BEGET__HOST "beget-host"

struct beget__executable {
	char *path; /* NULL: none */
	int fd;
	struct beget__identity identity;
};
int beget__executable_open(struct beget__executable *, const char *path); /* "beget-host" is ours, wherever it is */
void beget__executable_close(struct beget__executable *);                 /* only the descriptor */
void beget__executable_free(struct beget__executable *);

/* 0 if it can be executed: -ESTALE if its descriptor was closed, -EPERM for set-id files and file capabilities. */
int beget__executable_check(const struct beget__executable *);
bool beget__executable_gains_rights(int fd);

/* Where the host program is. */
const char *beget__executable_host(void);

#endif
