/* The ways to start a process that the bench compares, those of other packages excepted: they are peers (peer.h). */
#ifndef WAYS_H
#define WAYS_H

#include "bench.h"

#include <beget.h>

extern const struct way bench_ways[];
extern const size_t bench_ways_n;

/* Opens the servers that keep spares. If patient, ways that say so rest before their time begins, and spares are there.
 */
void bench_open_servers(bool patient);
void bench_close_servers(void);

/* The row of that name. */
const struct way *bench_way(const char *name);

/* The bench's own beget_start, which fails loudly. */
struct beget_process *bench_start(enum beget_method method, unsigned flags, const struct beget_call *call);
void bench_join(struct beget_process *process);

#endif
