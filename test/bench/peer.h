/* Peers: the ways of other packages, each in a program of its own that does as it is told over two pipes, so that their
 * libraries, handlers and threads are not in the figures of the rest.
 *
 * A peer says the names of its ways, a line each, and an empty line. It is asked in lines:
 *   s WAY N     start and wait N times; it answers N lines "FIRST RETURNED TOTAL"
 *   r WAY N T   the same in T threads, N times each; it answers the time that all took together
 *   m BYTES     hold so much memory; it answers 0 when each page is touched */
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

/* The asking side. */
void peer_open(struct peer *ret, char *program);
int64_t peer_ask(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3))); /* a line */
void peer_times(struct peer *peer, int way, int n, struct sample *ret);
int64_t peer_run(struct peer *peer, int way, int n, int threads);
void peer_memory(struct peer *peer, size_t size);
void peer_close(struct peer *peer);

/* n starts in each of so many threads: the time that all took together. */
int64_t peer_threads(const struct way *way, int n, int threads);

/* The asked side: serves until its standard input ends. */
void peer_serve(const struct way *ways, int n);

#endif
