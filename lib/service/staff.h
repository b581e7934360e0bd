/* The children of a service: started, replaced, asked to finish. */
#ifndef BEGET__STAFF_H
#define BEGET__STAFF_H

#include "service/service.h"

/* Does what is due, given what the epoll instance found. */
void beget__staff_work(struct beget_service *, const uint64_t *events, int n);

/* When something is due though no descriptor says so; INT64_MAX: never. */
int64_t beget__staff_due(const struct beget_service *);

/* No child is started any more, and those that there are get so long to finish. */
void beget__staff_stop(struct beget_service *, int grace_ms);

/* The edition is what children run from now on: those of the current one go on until it is ready. */
void beget__staff_load(struct beget_service *, struct beget__edition *);

#endif
