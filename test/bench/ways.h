/* The ways to start a process that the bench compares, those of other packages excepted: they are peers (peer.h). */
#ifndef WAYS_H
#define WAYS_H

#include "bench.h"

#include <beget.h>

extern const struct way bench_ways[];
extern const size_t bench_ways_n;

enum { BENCH_BURST = 4 }; /* starts in a row after a rest, and as many spares */

void bench_open_servers(void);
void bench_close_servers(void);

/* Before a burst of a way that says so: until its spares are there, and some more. */
void bench_rest(const struct way *way);

/* The row of that name. */
const struct way *bench_way(const char *name);

/* The bench's own beget_start, which fails loudly. */
struct beget_process *bench_start(enum beget_method method, unsigned flags, const struct beget_call *call);
void bench_join(struct beget_process *process);

#endif
