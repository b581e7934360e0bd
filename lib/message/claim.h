/* Which of the tasks sent to a worker it may begin, in memory that worker and caller share. */
#ifndef BEGET__CLAIM_H
#define BEGET__CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The most tasks that are with a worker at once. */
enum { BEGET__CLAIMS = 64 };

struct beget__claims {
	_Atomic uint64_t words[BEGET__CLAIMS];
};

/* In the caller: the worker may begin the task; not any more: true if it has not begun it; whether it has. */
void beget__claim_offer(struct beget__claims *, uint32_t task);
bool beget__claim_withdraw(struct beget__claims *, uint32_t task);
bool beget__claim_begun(struct beget__claims *, uint32_t task);

/* In the worker: true if the task is its to run. */
bool beget__claim_begin(struct beget__claims *, uint32_t task);

#endif
