/* Starts with forkserver: see by_forkserver.c. */
#ifndef BEGET__BY_FORKSERVER_H
#define BEGET__BY_FORKSERVER_H

#include "caller/method.h"

extern const struct beget__method beget__by_forkserver;

#endif
