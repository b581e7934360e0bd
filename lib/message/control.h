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
	bool adopted; /* another process launched it */
	bool met;     /* and this one has read the state that its children are born with */
};
extern struct beget__control beget__control_shared;

/* In a child: makes the caller's helper serve this process too. */
void beget__control_adopt(int fd, pid_t helper);

/* Forgets the helper: starts from this process launch their own. */
void beget__control_drop(void);

/* The shared socket for use by a child, or -1. */
int beget__control_lend(pid_t *helper);

#endif
