/* Which of the tasks that were sent to a worker it may begin, in memory that worker and caller share. */
#ifndef BEGET__CLAIM_H
#define BEGET__CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The maximum number of tasks at a worker at once. */
enum { BEGET__CLAIMS = 128 };

struct beget__claims {
	_Atomic uint64_t mean_ns; /* mean duration of tasks, written by the worker; 0: unknown */
	_Atomic uint64_t words[BEGET__CLAIMS];
};

/* In the caller: offer lets the worker begin the task; withdraw returns true if the worker has not begun it and now
 * cannot; begun returns whether it has. */
void beget__claim_offer(struct beget__claims *, uint32_t task);
bool beget__claim_withdraw(struct beget__claims *, uint32_t task);
bool beget__claim_begun(struct beget__claims *, uint32_t task);

uint64_t beget__claim_mean(const struct beget__claims *);

/* In the worker: begin returns true if the worker may run the task; measure takes the duration of one. */
bool beget__claim_begin(struct beget__claims *, uint32_t task);
void beget__claim_measure(struct beget__claims *, uint64_t ns);

#endif
