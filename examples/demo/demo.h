#ifndef DEMO_H
#define DEMO_H

#include <stdint.h>

enum { ROUNDS_MAX = 5000 };

_Noreturn void die(const char *what, const char *why);

/* The monotonic clock, in nanoseconds. */
int64_t clock_ns(void);

/* Measures and prints what a start costs. */
void show_costs(int rounds);

/* Main of the program that show_costs starts by bare posix_spawn: notes the time in fd. */
int leave_at_once(int fd);

#endif
