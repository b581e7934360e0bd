/* Keeping a number of children alive: how long to wait before the next start after failures, and how to spread events
 * that would otherwise happen to all children at once. Runs in the caller; knows no process. */
#include "keeper/keeper.h"

#include <stdatomic.h>

enum { FIRST_MS = 10, MOST_MS = 1000 };

void beget__keeper_failed(struct beget__keeper *k, int64_t now)
{
	int64_t delay = k->first_ms ? k->first_ms : FIRST_MS, most = k->most_ms ? k->most_ms : MOST_MS;

	for (unsigned i = 0; i < k->failures && delay < most; i++)
		delay *= 2;
	k->failures++;
	k->not_before = now + (delay < most ? delay : most);
}

void beget__keeper_succeeded(struct beget__keeper *k)
{
	k->failures = 0;
	k->not_before = 0;
}

bool beget__keeper_may_start(const struct beget__keeper *k, int64_t now)
{
	return now >= k->not_before;
}

int64_t beget__keeper_jitter(int64_t n)
{
	static _Atomic uint32_t state = 1;
	uint32_t random = atomic_load(&state) * 1664525u + 1013904223u;

	atomic_store(&state, random);
	return n - n / 10 + (int64_t)(random >> 8) % (n / 5 + 1);
}
