/* Measures a start with each method and with bare system calls: the time until the child's first instruction, which
 * the child reads from the clock, and until the caller has joined the child. The contenders take turns, so that all of
 * them see the same load. */
#include "demo.h"

#include <beget.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LARGE_MIB = 256, WARM_UP = 5 };
enum { BARE_FORK = BEGET_FORK + 1, BARE_SPAWN, WAYS };

static const struct {
	int way;
	const char *name;
} rows[WAYS] = {
	{BARE_FORK, "bare fork"},      {BEGET_FORK, "beget, fork"},      {BEGET_FORKSERVER, "beget, forkserver"},
	{BEGET_SPAWN, "beget, spawn"}, {BARE_SPAWN, "bare posix_spawn"},
};

static int64_t first[WAYS][ROUNDS_MAX], total[WAYS][ROUNDS_MAX];

/* Shared memory for the time of a bare child; a beget child returns its time. */
static int note_fd;
static int64_t *note;

int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int leave_at_once(int fd)
{
	int64_t t = clock_ns();

	return pwrite(fd, &t, sizeof(t), 0) != sizeof(t);
}

static void make_note(void)
{
	note_fd = memfd_create("note", 0);
	if (note_fd < 0 || ftruncate(note_fd, sizeof(*note)) < 0)
		die("cannot make shared memory", strerror(errno));
	note = mmap(NULL, sizeof(*note), PROT_READ | PROT_WRITE, MAP_SHARED, note_fd, 0);
	if (note == MAP_FAILED)
		die("cannot map shared memory", strerror(errno));
}

static int64_t once(enum beget_method method)
{
	struct beget_process *process;
	int64_t answer;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(clock_ns)) < 0 ||
	    beget_join(process, BEGET_FOREVER, NULL) < 0 || beget_result(process, &answer) < 0)
		die("cannot time a start", beget_error());
	beget_free(process);
	return answer;
}

static int64_t once_bare(int way)
{
	extern char **environ;
	char number[16];
	char *const argv[] = {"demo", "--exit", number, NULL};
	pid_t pid = -1;

	snprintf(number, sizeof(number), "%d", note_fd);
	if (way == BARE_SPAWN) {
		errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	} else if ((pid = fork()) == 0) {
		*note = clock_ns();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("cannot time a bare start", strerror(errno));
	return *note;
}

static void one_round(int round)
{
	for (int way = 0; way < WAYS; way++) {
		int64_t begin = clock_ns();
		int64_t there = way < BARE_FORK ? once((enum beget_method)way) : once_bare(way);
		total[way][round] = clock_ns() - begin;
		first[way][round] = there - begin;
	}
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double median_us(int64_t *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return (double)values[n / 2] / 1e3;
}

static void progress(int done, int rounds)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (done < rounds)
		fprintf(stderr, "\rround %d of %d", done, rounds);
	else
		fputs("\r\033[K", stderr);
}

static void measure(int rounds)
{
	for (int i = 0; i < WARM_UP; i++)
		one_round(0);
	for (int i = 0; i < rounds; i++) {
		progress(i, rounds);
		one_round(i);
	}
	progress(rounds, rounds);
}

static void print(const char *title, int rounds)
{
	double f[WAYS], t[WAYS];

	for (int way = 0; way < WAYS; way++) {
		f[way] = median_us(first[way], rounds);
		t[way] = median_us(total[way], rounds);
	}
	printf("\n%s: medians of %d rounds that take turns\n\n", title, rounds);
	printf("  %-20s %21s   %34s\n", "", "first instruction", "started, ended and joined");
	printf("  %-20s %9s %11s   %9s %11s %12s\n", "", "us", "/bare fork", "us", "/bare fork", "/bare spawn");
	for (int i = 0; i < WAYS; i++) {
		int way = rows[i].way;
		printf("  %-20s %9.1f %11.2f   %9.1f %11.2f %12.2f\n", rows[i].name, f[way], f[way] / f[BARE_FORK],
		       t[way], t[way] / t[BARE_FORK], t[way] / t[BARE_SPAWN]);
	}
}

/* Makes the program large: a fork then has to copy its page tables. */
static void *touch(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memset(memory, 1, size);
}

void show_costs(int rounds)
{
	size_t size = (size_t)LARGE_MIB << 20;
	int fewer = rounds > 20 ? rounds / 5 : rounds;

	make_note();
	measure(rounds);
	print("One start from this small program", rounds);

	void *memory = touch(size);
	if (!memory) {
		printf("\n(no memory for the second table)\n");
		return;
	}
	measure(fewer);
	print("One start from the same program when it holds 256 MiB of data", fewer);
	munmap(memory, size);
}
