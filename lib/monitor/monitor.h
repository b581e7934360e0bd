/* A process between a child and its parent, for a child with a limit or a tree. */
#ifndef BEGET__MONITOR_H
#define BEGET__MONITOR_H

#include <stdbool.h>

/* The tasks of the monitor. */
struct beget__watch {
	int channel;  /* for the report on the child */
	int tie;      /* -1: the child is not tied to its caller */
	int limit_ms; /* 0: no limit */
	bool tree;    /* no process that the child started outlives it */
};

/* Forks this process. The copy is the child, in which the function returns 0. This process becomes the child's monitor,
 * in which the function returns only on failure, with a negative errno. */
int beget__monitor_fork(const struct beget__watch *);

#endif
