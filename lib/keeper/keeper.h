/* When to start a child in place of one that has ended. */
#ifndef BEGET__KEEPER_H
#define BEGET__KEEPER_H

#include <stdbool.h>
#include <stdint.h>

/* A zeroed keeper has seen no failure and has the default delays. */
struct beget__keeper {
	int first_ms, most_ms; /* the delay after the first failure, and the maximum; 0: the default */
	unsigned failures;     /* failed starts since the last success */
	int64_t not_before;
};

void beget__keeper_failed(struct beget__keeper *, int64_t now);
void beget__keeper_succeeded(struct beget__keeper *);
bool beget__keeper_may_start(const struct beget__keeper *, int64_t now);

/* The number, changed by up to a tenth: things that begin together do not end together. */
int64_t beget__keeper_jitter(int64_t);

#endif
