/* The children of a service: starting them, replacing them, asking them to finish. */
#ifndef BEGET__STAFF_H
#define BEGET__STAFF_H

#include "service/service.h"

/* Does what is due. */
void beget__staff_work(struct beget_service *, int64_t now);

/* Starts no more children and gives the existing ones this time to finish. */
void beget__staff_stop(struct beget_service *, int grace_ms);

/* Makes the edition the current one. Children of the earlier one continue until it is ready. */
void beget__staff_load(struct beget_service *, struct beget__edition *);

#endif
