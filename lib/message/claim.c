/* Claims on tasks. A task that was sent to a worker can be withdrawn while the worker has not begun it: whichever of
 * the two changes the task's claim first owns the task. A claim holds the number of its task, so that a slot can be
 * reused while an older, withdrawn task is still in the socket. Each worker has its own claims: a worker that corrupts
 * them harms only its own tasks. Runs in caller and child. */
#include "message/claim.h"

enum state { OFFERED, BEGUN, WITHDRAWN };

static uint64_t word(uint32_t task, enum state state)
{
	return (uint64_t)task << 2 | state;
}

static _Atomic uint64_t *slot(struct beget__claims *c, uint32_t task)
{
	return &c->words[task % BEGET__CLAIMS];
}

static bool change(struct beget__claims *c, uint32_t task, enum state to)
{
	uint64_t offered = word(task, OFFERED);

	return atomic_compare_exchange_strong(slot(c, task), &offered, word(task, to));
}

void beget__claim_offer(struct beget__claims *c, uint32_t task)
{
	atomic_store(slot(c, task), word(task, OFFERED));
}

bool beget__claim_withdraw(struct beget__claims *c, uint32_t task)
{
	return change(c, task, WITHDRAWN);
}

bool beget__claim_begun(struct beget__claims *c, uint32_t task)
{
	return atomic_load(slot(c, task)) == word(task, BEGUN);
}

uint64_t beget__claim_mean(const struct beget__claims *c)
{
	return atomic_load(&c->mean_ns);
}

/* The newest task counts one eighth. */
void beget__claim_measure(struct beget__claims *c, uint64_t ns)
{
	uint64_t mean = atomic_load(&c->mean_ns);

	atomic_store(&c->mean_ns, mean ? mean - mean / 8 + ns / 8 : ns);
}

bool beget__claim_begin(struct beget__claims *c, uint32_t task)
{
	return change(c, task, BEGUN);
}
