/* What the children of a service run; a reload creates another edition. */
#ifndef BEGET__EDITION_H
#define BEGET__EDITION_H

#include "call/keep.h"
#include "keeper/keeper.h"
#include "os/fail.h"

#include <beget/service.h>

struct beget__edition {
	struct beget__edition *next; /* in the list of old editions */
	unsigned version;
	struct beget_options *start; /* copies */
	struct beget__keep *call;
	struct beget__keeper keeper;
	bool prepared;             /* its server has been prepared */
	unsigned wanted;           /* number of children */
	struct beget__failure why; /* the reason of its last failure */
};

/* Checks and copies its arguments. */
int beget__edition_new(const struct beget_service_options *, const struct beget_options *, const struct beget_call *,
                       struct beget__edition **ret);
void beget__edition_free(struct beget__edition *);

/* Closes its descriptors in a forked copy of the process. */
void beget__edition_release(const struct beget__edition *);

#endif
