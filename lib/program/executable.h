/* A program to execute in place of this one, pinned by descriptor; its main calls beget_init. Zero means none. */
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
/* "beget-host" is our host program, wherever it is installed. */
int beget__executable_open(struct beget__executable *, const char *path);
void beget__executable_close(struct beget__executable *); /* closes only the descriptor */
void beget__executable_free(struct beget__executable *);

/* 0 if it can be executed. -ESTALE: its descriptor was closed; -EPERM: it is set-id or has file capabilities. */
int beget__executable_check(const struct beget__executable *);
bool beget__executable_gains_rights(int fd);

/* The path of the host program. */
const char *beget__executable_host(void);

#endif
