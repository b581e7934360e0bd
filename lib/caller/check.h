/* Checks of calls and options. */
#ifndef BEGET__CHECK_H
#define BEGET__CHECK_H

#include "caller/plan.h"

/* Makes a plan of options and call. It must be freed even after an error. Its call, method, server and program are set
 * even then, for beget_explain. */
int beget__check_start(struct beget__plan *ret, const struct beget_options *, const struct beget_call *);

/* The same for a worker, which has no call of its own, and for a call to a worker that was started with these
 * options. */
int beget__check_worker(struct beget__plan *ret, const struct beget_options *, int claims);
int beget__check_task(struct beget__plan *ret, const struct beget_options *, const struct beget_call *);

void beget__check_free(struct beget__plan *);

/* Checks a call that a helper itself will run. */
int beget__check_prepare(const struct beget_call *, const struct beget__executable *);

#endif
