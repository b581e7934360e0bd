/* Pieces of state that one can only be born with: how the rows of state.c read and compare them. */
#ifndef BEGET__BIRTH_H
#define BEGET__BIRTH_H

#include "state/state.h"

void beget__birth_read_session(struct beget__state *, const char *status);
bool beget__birth_session_differs(const struct beget__state *now, const struct beget__state *born);

void beget__birth_read_credentials(struct beget__state *, const char *status);
bool beget__birth_credentials_differ(const struct beget__state *now, const struct beget__state *born);

void beget__birth_read_namespaces(struct beget__state *, const char *status);
bool beget__birth_namespaces_differ(const struct beget__state *now, const struct beget__state *born);

void beget__birth_read_scheduling(struct beget__state *, const char *status);
bool beget__birth_scheduling_differs(const struct beget__state *now, const struct beget__state *born);

/* A policy of which SCHED_RESET_ON_FORK leaves children nothing. */
bool beget__birth_real_time(int policy);

/* Which directory that is, mount included; "": the working directory, whether it may be searched or not. */
struct beget__place beget__birth_place(const char *path);

#endif
