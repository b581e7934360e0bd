/* The start methods: one interface, three backends that see only the plan. */
#ifndef BEGET__START_H
#define BEGET__START_H

#include "process.h"

/* A checked start. */
struct beget__plan {
	enum beget_method method;
	unsigned flags;
	const struct beget_call *call;
	struct beget__target target; /* not for fork */
	char what[64];               /* for sentences */
};

/* From what the user wrote; a negative errno and a sentence if anything is wrong with it. */
int beget__plan_make(struct beget__plan *ret, const struct beget_options *, const struct beget_call *);

int beget__start_fork(const struct beget__plan *, struct beget_process **ret);
int beget__start_forkserver(const struct beget__plan *, struct beget_process **ret);
int beget__start_spawn(const struct beget__plan *, struct beget_process **ret);

/* The CALL message of a plan, for a child that has born already. */
int beget__start_send(const struct beget__plan *, const struct beget__state *now, const struct beget__state *born,
                      struct beget_process *);

#endif
