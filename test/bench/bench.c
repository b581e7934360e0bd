/* The clock, the note, raw figures, the progress line, memory. Knows no way to start anything. */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

volatile int64_t *bench_note;
int bench_note_fd = -1;

int64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "\nbench: %s: %s\n", what, why);
	exit(1);
}

void bench_make_note(void)
{
	bench_note_fd = memfd_create("note", 0);
	if (bench_note_fd < 0 || ftruncate(bench_note_fd, sizeof(*bench_note)) < 0)
		bench_die("cannot make shared memory", strerror(errno));
	void *p = mmap(NULL, sizeof(*bench_note), PROT_READ | PROT_WRITE, MAP_SHARED, bench_note_fd, 0);
	if (p == MAP_FAILED)
		bench_die("cannot map shared memory", strerror(errno));
	bench_note = p;
}

int bench_target(int argc, char **argv)
{
	int64_t now = bench_now();

	if (argc != 3 || strcmp(argv[1], "--note") != 0)
		return -1;
	return pwrite(atoi(argv[2]), &now, sizeof(now), 0) != sizeof(now);
}

void bench_row(const char *measure, const char *way, long at, const char *figure, const char *unit, double value)
{
	printf("%s,%s,%ld,%s,%s,%.3f\n", measure, way, at, figure, unit, value);
}

void bench_progress(const char *format, ...)
{
	va_list arguments;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
}

void *bench_fill(size_t size)
{
	if (size == 0)
		return NULL;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		bench_die("cannot have so much memory", strerror(errno));
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memset(memory, 1, size);
}

void bench_drop(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

long bench_free_mib(void)
{
	char line[128];
	long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "MemAvailable: %ld", &kib) != 1)
		;
	if (file)
		fclose(file);
	return kib / 1024;
}
