/* Measures many small tasks in workers, each contender in turn: the time per task by the number of unfinished tasks, by
 * size and by length, and how busy the workers are while the caller checks for results only from time to time. Usage:
 * pool [-b TURNS] [PEER] */
#include "peer.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLICE = 15000000, SLICE_BUSY = 300000000, LOOK_IN = 10000000, TRY = 8, LIMIT = 1 << 20 };

static const struct contender *const contenders[] = {&bench_raw, &bench_by_hand, &bench_by_pool, &bench_each};
enum { CONTENDERS = sizeof(contenders) / sizeof(*contenders) };

static struct slot slots[OUTSTANDING_MAX];
static struct slot *unused[OUTSTANDING_MAX];
static int unused_n;

static void open_contender(const struct contender *c, const struct load *load)
{
	bench_load = *load;
	if (c->one_at_once && bench_load.outstanding > load->workers)
		bench_load.outstanding = load->workers;
	c->open(&bench_load);
	for (unused_n = 0; unused_n < bench_load.outstanding; unused_n++) {
		struct slot *slot = &slots[unused_n];
		slot->out = realloc(slot->out, load->size);
		if (!slot->out)
			bench_die("tasks", "no memory");
		unused[unused_n] = slot;
	}
}

static void submit(const struct contender *c)
{
	struct slot *slot = unused[--unused_n];

	slot->out[0] = 0;
	c->submit(slot);
}

static bool next(const struct contender *c, int timeout_ms)
{
	struct slot *slot = c->next(timeout_ms);

	if (!slot)
		return false;
	if (slot->out[0] != bench_in[0])
		bench_die(c->name, "a task did not answer");
	unused[unused_n++] = slot;
	return true;
}

static int64_t run(const struct contender *c, int n)
{
	int64_t begin = bench_now();
	int submitted = 0;

	for (int done = 0; done < n; done++) {
		for (; submitted < n && unused_n > 0; submitted++)
			submit(c);
		if (!next(c, -1))
			bench_die(c->name, "no task finishes");
	}
	return bench_now() - begin;
}

/* The number of tasks for one slice, estimated from the time that n tasks took. */
static int slice(int64_t tried, int n)
{
	int64_t fit = SLICE * (int64_t)n / (tried + 1);

	return fit < n ? n : fit > LIMIT ? LIMIT : (int)fit;
}

static double each_us(const struct contender *c, const struct load *load)
{
	open_contender(c, load);
	(void)run(c, TRY);
	int n = slice(run(c, TRY + bench_load.outstanding), TRY + bench_load.outstanding);
	double us = (double)run(c, n) / 1e3 / n;
	c->close();
	return us;
}

static int64_t peer_tasks(struct peer *peer, int way, int n, const struct load *load)
{
	return peer_ask(peer, "t %d %d %d %d %zu %d\n", way, n, load->workers, load->outstanding, load->size, load->us);
}

/* The first round starts the peer's workers. */
static double peer_each_us(struct peer *peer, int way, const struct load *load)
{
	(void)peer_tasks(peer, way, TRY, load);
	int n = slice(peer_tasks(peer, way, TRY + load->outstanding, load), TRY + load->outstanding);
	return (double)peer_tasks(peer, way, n, load) / 1e3 / n;
}

/* Runs one load with each contender that supports it. A map submits all its tasks at once. */
static void compare(const char *measure, long at, const char *figure, const struct load *load, struct peer *peer)
{
	for (int i = 0; i < CONTENDERS; i++)
		if (load->workers <= contenders[i]->workers && load->size <= contenders[i]->size)
			bench_row(measure, contenders[i]->name, at, figure, "us", each_us(contenders[i], load));
	for (int i = 0; peer && i < peer->n; i++)
		if (load->outstanding == OUTSTANDING_MAX || !strstr(peer->names[i], "map"))
			bench_row(measure, peer->names[i], at, figure, "us", peer_each_us(peer, i, load));
}

static void look_in_at(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

/* Measures the fraction of time in which two workers run tasks. */
static void busy(const struct contender *c)
{
	struct load load = {.workers = 2, .outstanding = 64, .size = 64, .us = 1000};
	int done = 0;

	if (c->workers < load.workers)
		return;
	open_contender(c, &load);
	(void)run(c, load.workers);
	int64_t begin = bench_now(), now = begin;
	for (int i = 1; now - begin < SLICE_BUSY; i++) {
		while (unused_n > 0)
			submit(c);
		look_in_at(begin + i * (int64_t)LOOK_IN);
		while (unused_n < bench_load.outstanding && next(c, 0))
			done++;
		now = bench_now();
	}
	bench_row("pool busy", c->name, LOOK_IN / 1000, "busy", "%",
	          100.0 * done * load.us * 1e3 / (double)((now - begin) * load.workers));
	while (unused_n < bench_load.outstanding)
		(void)next(c, -1);
	c->close();
}

static void turn(struct peer *peer)
{
	static const int outstanding[] = {1, 4, 16, 64, OUTSTANDING_MAX}, lengths[] = {0, 10, 100, 1000};
	static const size_t sizes[] = {64, 1 << 10, 64 << 10, SIZE_MAX_ANY};
	char figure[32];

	for (int workers = 1; workers <= WORKERS_MAX; workers *= 2)
		for (int i = 0; i < 5; i++) {
			snprintf(figure, sizeof(figure), "%d workers", workers);
			compare("pool", outstanding[i], figure, &(struct load){workers, outstanding[i], 64, 0}, peer);
		}
	for (int i = 0; i < 4; i++)
		compare("pool size", (long)sizes[i], "each", &(struct load){2, 16, sizes[i], 0}, peer);
	for (int i = 0; i < 4; i++)
		compare("pool length", lengths[i], "each", &(struct load){2, 64, 64, lengths[i]}, peer);
	for (int i = 0; i < CONTENDERS; i++)
		busy(contenders[i]);
}

int main(int argc, char **argv)
{
	int option, turns = 9;
	struct peer peer;

	beget_init(argc, argv);
	while ((option = getopt(argc, argv, "b:")) != -1)
		if (option != 'b' || (turns = atoi(optarg)) < 1)
			bench_die("pool", "see the top of pool.c");
	memset(bench_in, 'i', sizeof(bench_in));
	if (optind < argc)
		peer_open(&peer, argv[optind]);
	for (int i = 0; i < turns; i++) {
		bench_progress("tasks: turn %d of %d", i + 1, turns);
		turn(optind < argc ? &peer : NULL);
	}
	if (optind < argc)
		peer_close(&peer);
	return 0;
}
