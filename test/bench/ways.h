/* The ways to start a process that the bench compares, except those of other packages, which are peers (peer.h). */
#ifndef WAYS_H
#define WAYS_H

#include "bench.h"

#include <beget.h>

extern const struct way bench_ways[];
extern const size_t bench_ways_n;

enum { BENCH_BURST = 4 }; /* consecutive starts after a rest, and the number of spares */

void bench_open_servers(void);
void bench_close_servers(void);
bool bench_has_sandbox(void); /* between these */

/* Before a burst of a way that uses rests: waits until its spares exist, and a little longer. */
void bench_rest(const struct way *way);

/* The row with that name. */
const struct way *bench_way(const char *name);

/* Calls beget_start and exits with a message on failure. */
struct beget_process *bench_start(enum beget_method method, unsigned flags, const struct beget_call *call);
void bench_join(struct beget_process *process);

#endif
