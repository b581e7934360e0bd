/* The contenders of pool.c: ways to run many small tasks in processes. Those of CPython are in pool.py. */
#ifndef TASKS_H
#define TASKS_H

#include "bench.h"

#include <beget.h>

enum { WORKERS_MAX = 4, OUTSTANDING_MAX = 256, SIZE_MAX_RAW = 64 << 10, SIZE_MAX_ANY = 1 << 20 };

/* What a contender has to do: keep so many tasks unfinished, each with size bytes in and size bytes out, each of which
 * runs for us microseconds. */
struct load {
	int workers, outstanding;
	size_t size;
	int us;
};

/* One unfinished task: where its result goes, and its process if it has one of its own. */
struct slot {
	char *out;
	struct beget_process *process;
};

struct contender {
	const char *name;
	int workers;      /* at most */
	size_t size;      /* of a task, at most */
	bool one_at_once; /* it has no queue: at most one task per worker */
	void (*open)(const struct load *load);
	void (*submit)(struct slot *slot);
	struct slot *(*next)(int timeout_ms); /* a finished task, or NULL if none finishes in time */
	void (*close)(void);
};

extern const struct contender bench_raw, bench_by_hand, bench_by_pool, bench_each;

/* The load that is being measured, and the bytes that go into each task. */
extern struct load bench_load;
extern char bench_in[SIZE_MAX_ANY];

/* The task: it spins for us microseconds and answers with the first byte of in. */
void bench_task(const char *in, size_t n, char *out, size_t m, int us);

/* Makes a SEQPACKET socket pair, close-on-exec. */
void bench_pair(int ends[2]);

#endif
