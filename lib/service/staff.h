/* The children of a service: starting them, replacing them, asking them to finish. */
#ifndef BEGET__STAFF_H
#define BEGET__STAFF_H

#include "service/service.h"

/* Does what is due after these events of the epoll instance. */
void beget__staff_work(struct beget_service *, const uint64_t *events, int n);

/* The time at which something is due without an event; INT64_MAX: never. */
int64_t beget__staff_due(const struct beget_service *);

/* Starts no more children and gives the existing ones this time to finish. */
void beget__staff_stop(struct beget_service *, int grace_ms);

/* Makes the edition the current one. Children of the earlier one continue until it is ready. */
void beget__staff_load(struct beget_service *, struct beget__edition *);

#endif
