/* Forks of the host: what the library holds open must not live on in copies that know nothing of it. */
#ifndef BEGET__FORKS_H
#define BEGET__FORKS_H

#include <stdbool.h>

/* The first member of what holds descriptors: in a forked copy of the process, release closes the copy's. */
struct beget__forked {
	struct beget__forked *next, **link;
	void (*release)(struct beget__forked *);
};

/* Descriptors made between these two never leak into a concurrent fork: it waits. So nothing may wait in between. */
void beget__forks_guard(void);
void beget__forks_unguard(void);

/* Between them. */
void beget__forks_watch(struct beget__forked *);
void beget__forks_unwatch(struct beget__forked *);

/* This thread is about to fork a child for that one; NULL: no more. */
void beget__forks_start(const struct beget__forked *);
/* In release: whom this fork is for, or NULL if it is none of ours. */
const struct beget__forked *beget__forks_started(void);

#endif
