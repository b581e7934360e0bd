/* What size costs: arguments and results as beget_bytes and beget_buffer, compared with one memcpy into fresh memory.
 * All kinds take turns. The caller's bytes and the copy are in pages of 4 KiB. The time of a result begins when the
 * target has written it. "whole": the target reads or writes each page; otherwise only the first and the last byte.
 * Usage: arguments [-r ROUNDS] [-s SECONDS] SIZE... */
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, LEAST = 3, COPIES = 5, LARGE = 1 << 26, SMALL = 1024, AGAIN = 20 };

static size_t size;
static char *bytes;
static struct beget_buffer *buffer, *small; /* small has SMALL bytes and is measured beside the large one */

/* Reads the bytes, so that the compiler cannot drop them. */
static int64_t look(const char *p, size_t n, bool whole)
{
	int64_t sum = ((const volatile char *)p)[0] + ((const volatile char *)p)[n - 1];

	for (size_t i = PAGE; whole && i < n; i += PAGE)
		sum += ((const volatile char *)p)[i];
	return sum;
}

/* Targets. */

static int64_t take_bytes(struct beget_bytes b, int whole)
{
	return look(b.data, b.size, whole);
}

static int64_t take_buffer(struct beget_buffer *b, int whole)
{
	return look(beget_buffer_data(b), beget_buffer_size(b), whole);
}

/* Writes the time at which the result was ready to its beginning. */
static char *ready(char *p, size_t n)
{
	int64_t now;

	p[n - 1] = 1;
	now = bench_now();
	return memcpy(p, &now, sizeof(now));
}

static struct beget_bytes give_bytes(size_t n)
{
	return BEGET_BYTES(ready(bench_fill(n), n), n);
}

static struct beget_buffer *give_buffer(size_t n, int whole)
{
	struct beget_buffer *b;

	if (beget_buffer_create(&b, n) < 0)
		exit(1);
	char *p = beget_buffer_data(b);
	if (whole)
		memset(p, 1, n);
	ready(p, n);
	return b;
}

/* Kinds: each returns the nanoseconds it took. */

static int64_t copy(int method, int whole)
{
	int64_t begin = bench_now();
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)method;
	if (p == MAP_FAILED)
		bench_die("memcpy", "no memory");
	madvise(p, size, MADV_NOHUGEPAGE);
	memcpy(p, bytes, size);
	(void)look(p, size, whole);
	int64_t end = bench_now();
	munmap(p, size);
	return end - begin;
}

static int64_t end_of(struct beget_process *process, int64_t begin)
{
	bench_join(process);
	int64_t end = bench_now();
	beget_free(process);
	return end - begin;
}

static int64_t argument(int method, int whole)
{
	int64_t begin = bench_now();

	return end_of(
		bench_start((enum beget_method)method, 0, BEGET_CALL(take_bytes, BEGET_BYTES(bytes, size), whole)),
		begin);
}

static int64_t take(struct beget_buffer *b, int method, int whole)
{
	int64_t begin = bench_now();

	return end_of(bench_start((enum beget_method)method, 0, BEGET_CALL(take_buffer, b, whole)), begin);
}

static int64_t buffer_argument(int method, int whole)
{
	return take(buffer, method, whole);
}

static int64_t small_argument(int method, int whole)
{
	return take(small, method, whole);
}

static int64_t result(int method, int whole)
{
	int64_t made;
	struct beget_bytes b;
	struct beget_process *process = bench_start((enum beget_method)method, 0, BEGET_CALL(give_bytes, size));

	bench_join(process);
	if (beget_result(process, &b) < 0 || b.size != size)
		bench_die("beget_result", beget_error());
	(void)look(b.data, size, whole);
	int64_t end = bench_now();
	memcpy(&made, b.data, sizeof(made));
	beget_free(process);
	return end - made;
}

static int64_t give(size_t n, int method, int whole)
{
	int64_t made;
	struct beget_buffer *b;
	struct beget_process *process = bench_start((enum beget_method)method, 0, BEGET_CALL(give_buffer, n, whole));

	bench_join(process);
	if (beget_result(process, &b) < 0 || beget_buffer_size(b) != n)
		bench_die("beget_result", beget_error());
	char *p = beget_buffer_data(b);
	(void)look(p, n, whole);
	int64_t end = bench_now();
	memcpy(&made, p, sizeof(made));
	beget_free(process);
	return end - made;
}

static int64_t buffer_result(int method, int whole)
{
	return give(size, method, whole);
}

static int64_t small_result(int method, int whole)
{
	return give(SMALL, method, whole);
}

static const struct kind {
	const char *way, *figure;
	int64_t (*once)(int method, int whole);
	int method, whole;
} kinds[] = {
	{"memcpy", "copy", copy, 0, 0},
	{"memcpy", "copy whole", copy, 0, 1},
	{"beget forkserver", "bytes argument", argument, BEGET_FORKSERVER, 0},
	{"beget forkserver", "bytes argument whole", argument, BEGET_FORKSERVER, 1},
	{"beget forkserver", "bytes result", result, BEGET_FORKSERVER, 0},
	{"beget forkserver", "bytes result whole", result, BEGET_FORKSERVER, 1},
	{"beget forkserver", "buffer argument", buffer_argument, BEGET_FORKSERVER, 0},
	{"beget forkserver", "buffer argument of 1 KiB", small_argument, BEGET_FORKSERVER, 0},
	{"beget forkserver", "buffer argument whole", buffer_argument, BEGET_FORKSERVER, 1},
	{"beget forkserver", "buffer result", buffer_result, BEGET_FORKSERVER, 0},
	{"beget forkserver", "buffer result of 1 KiB", small_result, BEGET_FORKSERVER, 0},
	{"beget forkserver", "buffer result whole", buffer_result, BEGET_FORKSERVER, 1},
	{"beget spawn", "bytes argument", argument, BEGET_SPAWN, 0},
	{"beget spawn", "bytes result", result, BEGET_SPAWN, 0},
	{"beget spawn", "buffer argument", buffer_argument, BEGET_SPAWN, 0},
	{"beget spawn", "buffer result", buffer_result, BEGET_SPAWN, 0},
	{"beget fork", "bytes argument", argument, BEGET_FORK, 0},
	{"beget fork", "bytes result", result, BEGET_FORK, 0},
	{"beget fork", "buffer argument", buffer_argument, BEGET_FORK, 0},
	{"beget fork", "buffer result", buffer_result, BEGET_FORK, 0},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* True if the kind copies no large data. */
static bool is_short(const struct kind *k)
{
	return size < LARGE || (k->method != BEGET_FORK && !k->whole && strncmp(k->figure, "buffer", 6) == 0);
}

/* A kind that copies little starts with warm caches, which the gigabyte that its predecessor copied has displaced. A
 * kind that copies much starts with mapped memory: a virtual machine may return freed memory to its host, and the first
 * access then waits for the host five times as long as a copy takes. */
static void get_ready(const struct kind *k)
{
	if (is_short(k))
		(void)k->once(k->method, k->whole);
	else
		bench_drop(bench_fill(3 * size), 3 * size);
}

static void once(const struct kind *k, bool counts)
{
	double us = (double)k->once(k->method, k->whole) / 1e3;

	if (counts)
		bench_row("arguments", k->way, (long)size, k->figure, "us", us);
}

static bool is_small(const struct kind *k)
{
	return k->once == small_argument || k->once == small_result;
}

/* For a large size, kinds that copy little are repeated, alternating with the small buffer next to them. */
static void one_round(bool counts)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		const struct kind *next = k + 1 < kinds + KINDS && is_small(k + 1) ? k + 1 : NULL;
		if (is_small(k))
			continue;
		if (counts)
			get_ready(k);
		for (int n = counts && size >= LARGE && is_short(k) ? AGAIN : 1; n > 0; n--) {
			once(k, counts);
			if (next && size >= LARGE)
				once(next, counts);
		}
	}
}

static void measure(int rounds, int64_t limit)
{
	if (bench_free_mib() < (long)(size >> 20) * COPIES + 512) {
		fprintf(stderr, "skipped: arguments of %zu MiB are too large for this machine's memory\n", size >> 20);
		return;
	}
	bytes = bench_fill(size);
	if (beget_buffer_create(&buffer, size) < 0)
		bench_die("beget_buffer_create", beget_error());
	memset(beget_buffer_data(buffer), 1, size);
	if (beget_buffer_create(&small, SMALL) < 0)
		bench_die("beget_buffer_create", beget_error());
	one_round(false);
	int64_t begin = bench_now();
	for (int i = 0; i < rounds && (i < LEAST || bench_now() - begin < limit); i++) {
		bench_progress("arguments of %zu KiB: round %d", size >> 10, i + 1);
		one_round(true);
	}
	beget_buffer_free(buffer);
	beget_buffer_free(small);
	bench_drop(bytes, size);
}

int main(int argc, char **argv)
{
	int option, rounds = 100;
	double seconds = 5;

	beget_init(argc, argv);
	while ((option = getopt(argc, argv, "r:s:")) != -1)
		switch (option) {
		case 'r': rounds = atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		default: bench_die("arguments", "see the top of arguments.c");
		}
	for (; optind < argc; optind++) {
		size = (size_t)atoll(argv[optind]);
		if (size < sizeof(int64_t) || size > SIZE_MAX / 8)
			bench_die("arguments", "no such size");
		measure(rounds, (int64_t)(seconds * 1e9));
	}
	return 0;
}
