/* The contenders of pool.c: ways to run many small tasks in processes. Those of CPython are in pool.py. */
#ifndef TASKS_H
#define TASKS_H

#include "bench.h"

#include <beget.h>

enum { WORKERS_MAX = 4, OUTSTANDING_MAX = 256, SIZE_MAX_RAW = 64 << 10, SIZE_MAX_ANY = 1 << 20 };

/* What a contender has to do: keep this many tasks unfinished, each with size bytes as input and as output, and each
 * running for us microseconds. */
struct load {
	int workers, outstanding;
	size_t size;
	int us;
};

/* One unfinished task: where to store its result, and its process if it has its own. */
struct slot {
	char *out;
	struct beget_process *process;
};

struct contender {
	const char *name;
	int workers;      /* maximum */
	size_t size;      /* of a task, maximum */
	bool one_at_once; /* it has no queue: at most one task per worker */
	void (*open)(const struct load *load);
	void (*submit)(struct slot *slot);
	struct slot *(*next)(int timeout_ms); /* a finished task; NULL: none finished in time */
	void (*close)(void);
};

extern const struct contender bench_raw, bench_by_hand, bench_by_pool, bench_each;

/* The load that is being measured, and the input of each task. */
extern struct load bench_load;
extern char bench_in[SIZE_MAX_ANY];

/* The task: spins for us microseconds and writes the first byte of in to out. */
void bench_task(const char *in, size_t n, char *out, size_t m, int us);

/* Creates a SEQPACKET socket pair, close-on-exec. */
void bench_pair(int ends[2]);

#endif
