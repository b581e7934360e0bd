/* The children of the helper that run. */
#ifndef BEGET__WARDS_H
#define BEGET__WARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Adds a child and the helper's copy of its channel, which carries the report of its end. The room for it is made
 * before: then adding cannot fail. */
bool beget__wards_make_room(void);
void beget__wards_add(pid_t, int channel, bool tied); /* tied: it ends with the client */
void beget__wards_tie(pid_t);
size_t beget__wards_count(void);

/* Reports and reaps those that have ended. */
void beget__wards_reap(void);

/* True if another process holds the other end of a child's channel. */
bool beget__wards_awaited(void);

void beget__wards_kill_tied(void);

#endif
