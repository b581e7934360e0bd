#ifndef DEMO_H
#define DEMO_H

#include <stdint.h>

enum { ROUNDS_MAX = 5000 };

_Noreturn void die(const char *what, const char *why);

/* The monotonic clock, in nanoseconds. */
int64_t clock_ns(void);

/* Measures and prints the cost of a start. */
void show_costs(int rounds);

/* The main function of a child that show_costs starts with bare posix_spawn: writes the time to fd. */
int leave_at_once(int fd);

#endif
