/* Common code of the bench: the clock, the note in which a child stores the time of its first instruction, raw figures
 * on standard output, the progress line, and memory that is actually mapped. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* The times of one start, in nanoseconds since the call: the target's first instruction, the return of the call, the
 * end of the wait. 0: not measured. */
struct sample {
	int64_t first, returned, total;
};

/* A way to start a process and wait for it. */
struct way {
	const char *name;
	void (*once)(const struct way *, struct sample *);
	int method;
	unsigned flags;
	int server; /* beget: which server; 0: the shared helper */
	int rested; /* 1: starts in bursts after a rest, as spares are meant for; 2: in a sandbox, if bwrap works here;
	             * ways of the same kind take turns */
};

int64_t bench_now(void);
_Noreturn void bench_die(const char *what, const char *why);

/* The note: a shared mapping, and its file for executed programs. */
extern volatile int64_t *bench_note;
extern int bench_note_fd;
void bench_make_note(void);

/* The target of ways that execute a program: reads the clock, writes it to the descriptor and exits. Returns -1 if argv
 * does not ask for it. */
int bench_target(int argc, char **argv);

/* Prints one raw figure: measure, way, at, figure, unit, value. at is the size or number, or 0. */
void bench_row(const char *measure, const char *way, long at, const char *figure, const char *unit, double value);

/* Replaces the progress line; only on a terminal. */
void bench_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory in pages of 4 KiB, each touched. NULL for size 0. Exits if there is no memory. */
void *bench_fill(size_t size);
void bench_drop(void *memory, size_t size);
long bench_free_mib(void);

#endif
