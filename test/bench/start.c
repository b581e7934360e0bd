/* What one start costs: first instruction, return of the call, total. All ways take turns, then each peer has its turn,
 * and so on. With -g, the starting process holds that many GB of memory; only one does so at a time, because few
 * machines have four times as much. Usage: start -m MEASURE [-a AT] [-g GB] [-b BLOCKS] [-r ROUNDS] [-s SECONDS]
 * [PEER...] */
#include "peer.h"
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_UP = 3, TURN = 2, TURN_MOST = 8, TURN_NS = 5000000, LEAST = 3, PEERS_MAX = 8, SPARE_MIB = 1024 };

static struct {
	const char *measure;
	long at;
	size_t memory;
	int blocks, rounds;
	int64_t limit; /* ns per block, for the ways here and for each way of a peer */
} settings = {"start", 0, 0, 1, 10, 5000000000};

static void row(const char *name, const struct sample *s)
{
	bench_row(settings.measure, name, settings.at, "first", "us", (double)s->first / 1e3);
	bench_row(settings.measure, name, settings.at, "returned", "us", (double)s->returned / 1e3);
	bench_row(settings.measure, name, settings.at, "total", "us", (double)s->total / 1e3);
}

static void once(const struct way *way, bool counts)
{
	struct sample sample;

	way->once(way, &sample);
	if (counts)
		row(way->name, &sample);
}

static void burst(const struct way *way, bool counts)
{
	bench_rest(way);
	for (int n = 0; n < BENCH_BURST; n++)
		once(way, counts);
}

/* Begins with a start that is not counted: a fork of 8 GB displaces the caches, which must not slow down the next
 * way. */
static void turn(const struct way *way, bool counts)
{
	once(way, false);
	int64_t begin = bench_now();
	for (int n = 0; counts && (n < TURN || (n < TURN_MOST && bench_now() - begin < TURN_NS)); n++)
		once(way, true);
}

static void one_round(int rested, bool counts)
{
	for (size_t i = 0; i < bench_ways_n; i++)
		if (bench_ways[i].rested == rested)
			(rested == 1 ? burst : turn)(&bench_ways[i], counts);
}

static void own_block(int block)
{
	bench_progress("%s %ld: block %d of %d", settings.measure, settings.at, block + 1, settings.blocks);
	void *memory = bench_fill(settings.memory);
	int kinds = settings.memory == 0 && bench_has_sandbox() ? 3 : 2;
	for (int rested = 0; rested < kinds; rested++) {
		one_round(rested, false);
		int64_t begin = bench_now();
		for (int i = 0; i < settings.rounds && (i < LEAST || bench_now() - begin < settings.limit / 2); i++)
			one_round(rested, true);
	}
	bench_drop(memory, settings.memory);
}

static void peer_block(struct peer *peer, int block)
{
	struct sample sample;

	if (settings.memory)
		peer_memory(peer, settings.memory);
	for (int way = 0; way < peer->n; way++) {
		bench_progress("%s %ld: block %d of %d, %s", settings.measure, settings.at, block + 1, settings.blocks,
		               peer->names[way]);
		peer_times(peer, way, 1, &sample); /* warm-up */
		int64_t begin = bench_now();
		for (int i = 0; i < settings.rounds && (i < LEAST || bench_now() - begin < settings.limit / 5); i++) {
			peer_times(peer, way, 1, &sample);
			row(peer->names[way], &sample);
		}
	}
	if (settings.memory)
		peer_memory(peer, 0);
}

static int measure(char **programs, int n)
{
	static struct peer peers[PEERS_MAX];

	bench_open_servers();
	for (int i = 0; i < WARM_UP; i++) {
		one_round(0, false);
		one_round(1, false);
	}
	for (int i = 0; i < n; i++)
		peer_open(&peers[i], programs[i]);
	for (int block = 0; block < settings.blocks; block++) {
		own_block(block);
		for (int i = 0; i < n; i++)
			peer_block(&peers[i], block);
	}
	for (int i = 0; i < n; i++)
		peer_close(&peers[i]);
	bench_close_servers();
	return 0;
}

int main(int argc, char **argv)
{
	int option, code = bench_target(argc, argv);

	if (code >= 0)
		return code;
	beget_init(argc, argv);
	while ((option = getopt(argc, argv, "m:a:g:b:r:s:")) != -1)
		switch (option) {
		case 'm': settings.measure = optarg; break;
		case 'a': settings.at = atol(optarg); break;
		case 'g': settings.memory = (size_t)atol(optarg) << 30; break;
		case 'b': settings.blocks = atoi(optarg); break;
		case 'r': settings.rounds = atoi(optarg); break;
		case 's': settings.limit = (int64_t)(atof(optarg) * 1e9); break;
		default: bench_die("start", "see the top of start.c");
		}
	if (argc - optind > PEERS_MAX)
		bench_die("start", "too many peers");
	if (bench_free_mib() < (long)(settings.memory >> 20) + SPARE_MIB) {
		fprintf(stderr, "skipped: %zu GB are more than this machine has free\n", settings.memory >> 30);
		return 0;
	}
	bench_make_note();
	return measure(argv + optind, argc - optind);
}
