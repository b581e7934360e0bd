/* What all programs of the bench share: the clock, the note that a child leaves its first instruction's time in, raw
 * figures on standard output, the progress line, memory that is really there. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* One start, in nanoseconds since it was called: the target's first instruction, the call's return, the end of the
 * wait. 0: not measured. */
struct sample {
	int64_t first, returned, total;
};

/* A way to start something and wait for it. */
struct way {
	const char *name;
	void (*once)(const struct way *, struct sample *);
	int method;
	unsigned flags;
	int server; /* beget: which of the servers; 0: the one that all share */
	int rested; /* starts in bursts after a rest, as what spares are for does; those of one kind take turns */
};

int64_t bench_now(void);
_Noreturn void bench_die(const char *what, const char *why);

/* The note: a shared mapping, and its file for programs that are executed. */
extern volatile int64_t *bench_note;
extern int bench_note_fd;
void bench_make_note(void);

/* The target of all that execute a program: reads the clock, leaves it in the descriptor and ends. Returns -1 if argv
 * does not ask for it. */
int bench_target(int argc, char **argv);

/* One raw figure: measure, way, at, figure, unit, value. At is the size, the number, or 0. */
void bench_row(const char *measure, const char *way, long at, const char *figure, const char *unit, double value);

/* Where we are, over the line before; only on a terminal. */
void bench_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory of 4 KiB pages, each of them touched; NULL for no bytes. Dies if there is none. */
void *bench_fill(size_t size);
void bench_drop(void *memory, size_t size);
long bench_free_mib(void);

#endif
