/* The start methods: one interface, three ways that see only the plan. */
#ifndef BEGET__METHODS_H
#define BEGET__METHODS_H

#include "caller/plan.h"

int beget__by_fork(const struct beget__plan *, struct beget_process *);
int beget__by_forkserver(const struct beget__plan *, struct beget_process *);
int beget__by_spawn(const struct beget__plan *, struct beget_process *);

#endif
