/* The running children of a helper, or of a monitor. */
#ifndef BEGET__WARDS_H
#define BEGET__WARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Adds a child and a copy of its channel, which will carry the report of its exit; -1: another process reports it.
 * make_room is called first, so that adding cannot fail. */
bool beget__wards_make_room(void);
void beget__wards_add(pid_t, int channel, bool tied); /* tied: ends with the client */
void beget__wards_tie(pid_t);
size_t beget__wards_count(void);
void beget__wards_clear(void);  /* in a copy of the helper, which does not have these children */
void beget__wards_expire(void); /* kills all of them because their time limit has expired */

/* Reports and reaps the children that have ended. */
void beget__wards_reap(void);

/* True if another process holds the other end of a child's channel. */
bool beget__wards_awaited(void);

void beget__wards_kill_tied(void);

#endif
