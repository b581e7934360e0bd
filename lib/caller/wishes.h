/* What the options give the child in place of what the caller has. */
#ifndef BEGET__WISHES_H
#define BEGET__WISHES_H

#include "caller/plan.h"

/* Opens what the options ask for. The process owns it until it is granted: then the child has its descriptors, and the
 * user gets the other ends. */
int beget__wishes_open(struct beget__plan *, struct beget_process *);
void beget__wishes_grant(struct beget__plan *, struct beget_process *);

#endif
