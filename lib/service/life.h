/* What happens to the children of a service. */
#ifndef BEGET__LIFE_H
#define BEGET__LIFE_H

#include "service/service.h"

/* The caller is here. If it is too late for what was due, all processes may have stood still, as in a frozen container:
 * each child then has the time that was left to it when the caller was here before. */
void beget__life_forgive(struct beget_service *);

/* Prepares the server of an edition as far as that needs no waiting. False: that is under way, or has failed like a
 * child. */
bool beget__life_prepare(struct beget_service *, struct beget__edition *, int64_t now);

/* Starts a child of this edition. Whether that fails is seen in the edition's keeper and in the events. */
void beget__life_start(struct beget_service *, struct beget__edition *, int64_t now);

/* Takes an event of the epoll instance. */
void beget__life_take_event(struct beget_service *, uint64_t event, int64_t now);

/* Finds out which children have ended, and does what is due for the others. */
void beget__life_attend(struct beget_service *, int64_t now);

/* The time at which something is due without an event; INT64_MAX: never. */
int64_t beget__life_due(const struct beget_service *);

/* The time in ms milliseconds; never, if that is negative. */
int64_t beget__life_after(int64_t now, int ms);

#endif
