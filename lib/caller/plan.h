/* A checked start. */
#ifndef BEGET__PLAN_H
#define BEGET__PLAN_H

#include "program/executable.h"
#include "program/target.h"
#include "state/state.h"

#include <beget.h>

struct beget__plan {
	struct beget_options options;
	const struct beget_call *call;
	struct beget_server *server;
	const struct beget__executable *program; /* that is executed, NULL: this one */
	struct beget__target target;             /* not for fork */
	struct beget__wishes wishes;
	char what[64]; /* for sentences */
};

/* From what the user wrote; a negative errno and a sentence if anything is wrong with it. The method is known then too.
 */
int beget__plan_make(struct beget__plan *ret, const struct beget_options *, const struct beget_call *);

/* Only of a call, which a helper shall make itself. */
int beget__plan_check_prepare(const struct beget_call *, const struct beget__executable *);

#endif
