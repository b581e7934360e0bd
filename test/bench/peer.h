/* Peers: other packages' ways to start processes. Each is a program of its own, controlled over two pipes, so that its
 * libraries, handlers and threads do not affect the other figures.
 *
 * A peer prints the names of its ways, one per line, and an empty line. Then it reads requests, one per line:
 *   s WAY N     starts and waits N times; replies with N lines "FIRST RETURNED TOTAL"
 *   r WAY N T   the same in T threads, N times each; replies with the total time
 *   m BYTES     holds this much memory; replies with 0 when each page has been touched */
#ifndef PEER_H
#define PEER_H

#include "bench.h"

#include <stdio.h>

enum { PEER_WAYS = 8 };

struct peer {
	FILE *to, *from;
	int n;
	char names[PEER_WAYS][64];
};

/* The bench's side. */
void peer_open(struct peer *ret, char *program);
int64_t peer_ask(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3))); /* a line */
void peer_times(struct peer *peer, int way, int n, struct sample *ret);
int64_t peer_run(struct peer *peer, int way, int n, int threads);
void peer_memory(struct peer *peer, size_t size);
void peer_close(struct peer *peer);

/* n starts in each thread: returns the total time. */
int64_t peer_threads(const struct way *way, int n, int threads);

/* The peer's side: serves until standard input ends. */
void peer_serve(const struct way *ways, int n);

#endif
