/* Starts with spawn: see by_spawn.c. */
#ifndef BEGET__BY_SPAWN_H
#define BEGET__BY_SPAWN_H

#include "caller/method.h"

extern const struct beget__method beget__by_spawn;

#endif
