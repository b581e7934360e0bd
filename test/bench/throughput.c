/* Starts per second, with one or more threads, each of which starts a process and waits for it, again and again. All
 * ways take turns, each for about SLICE. Usage: throughput [-b TURNS] [PEER...] */
#include "peer.h"
#include "ways.h"

#include <stdlib.h>
#include <unistd.h>

enum { PEERS_MAX = 8, TRY = 4, SLICE = 200000000 };

static struct peer peers[PEERS_MAX];
static int peers_n;

/* The ways here and those of the peers, with consecutive numbers. */
static const char *name_of(size_t i, struct peer **peer, int *way)
{
	*peer = NULL;
	if (i < bench_ways_n)
		return bench_ways[i].name;
	i -= bench_ways_n;
	for (int p = 0; p < peers_n; i -= (size_t)peers[p++].n)
		if (i < (size_t)peers[p].n) {
			*peer = &peers[p];
			*way = (int)i;
			return peers[p].names[i];
		}
	return NULL;
}

static int64_t run(size_t i, int n, int threads)
{
	struct peer *peer;
	int number;

	(void)name_of(i, &peer, &number);
	if (peer)
		return peer_run(peer, number, n, threads);
	struct way way = bench_ways[i];
	if (way.method == BEGET_FORK) /* its child takes no lock */
		way.flags |= BEGET_UNSAFE_FORK;
	return peer_threads(&way, n, threads);
}

static void turn(int number, int turns, int threads)
{
	struct peer *peer;
	const char *name;
	int way;

	for (size_t i = 0; (name = name_of(i, &peer, &way)); i++) {
		if (!peer && (bench_ways[i].rested == 2 ||
		              (bench_ways[i].rested && !bench_ways[i].server))) /* there are no rests here */
			continue;
		bench_progress("throughput, %d threads: turn %d of %d, %s", threads, number + 1, turns, name);
		int64_t each = run(i, TRY, threads) / TRY + 1;
		int n = each > SLICE / 2 ? 2 : (int)(SLICE / each);
		double starts = (double)n * threads;
		bench_row("throughput", name, threads, "each", "us", (double)run(i, n, threads) / starts / 1e3);
	}
}

int main(int argc, char **argv)
{
	int option, turns = 5, code = bench_target(argc, argv);

	if (code >= 0)
		return code;
	beget_init(argc, argv);
	while ((option = getopt(argc, argv, "b:")) != -1)
		if (option != 'b' || (turns = atoi(optarg)) < 1)
			bench_die("throughput", "see the top of throughput.c");
	if (argc - optind > PEERS_MAX)
		bench_die("throughput", "too many peers");
	bench_make_note();
	bench_open_servers();
	for (; optind < argc; optind++)
		peer_open(&peers[peers_n++], argv[optind]);
	for (int i = 0; i < turns; i++)
		for (int threads = 1; threads <= 2; threads++)
			turn(i, turns, threads);
	for (int i = 0; i < peers_n; i++)
		peer_close(&peers[i]);
	bench_close_servers();
	return 0;
}
