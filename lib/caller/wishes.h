/* What the user wishes for the child in place of what the caller has. */
#ifndef BEGET__WISHES_H
#define BEGET__WISHES_H

#include "caller/plan.h"

/* Opens what the options ask for; it belongs to the process until it is granted: then the child has its part, and the
 * user gets his. */
int beget__wishes_open(struct beget__plan *, struct beget_process *);
void beget__wishes_grant(struct beget__plan *, struct beget_process *);

#endif
