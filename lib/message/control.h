/* The control socket of the helper that a process shares with the processes that it starts. */
#ifndef BEGET__CONTROL_H
#define BEGET__CONTROL_H

#include "os/fd.h"

#include <stdatomic.h>
#include <sys/types.h>

struct beget__control {
	int fd; /* -1: no helper */
	struct beget__identity identity;
	pid_t helper;
	atomic_bool gone;
	bool adopted; /* another process launched it, */
	bool met;     /* and this one has read what its children are born with */
};
extern struct beget__control beget__control_shared;

/* In a child: the caller's helper serves this process too. */
void beget__control_adopt(int fd, pid_t helper);

/* It does not: starts by this process launch a helper of their own. */
void beget__control_drop(void);

/* The shared socket, or -1; for a child to use. */
int beget__control_lend(pid_t *helper);

#endif
