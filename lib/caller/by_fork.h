/* Starts with fork: see by_fork.c. */
#ifndef BEGET__BY_FORK_H
#define BEGET__BY_FORK_H

#include "caller/method.h"

extern const struct beget__method beget__by_fork;

#endif
