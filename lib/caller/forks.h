/* Forks of the host: the library's descriptors must not stay open in copies that do not know of them. */
#ifndef BEGET__FORKS_H
#define BEGET__FORKS_H

#include <stdbool.h>

/* The first member of an object that holds descriptors. In a forked copy of the process, release closes the copy's. */
struct beget__forked {
	struct beget__forked *next, **link;
	void (*release)(struct beget__forked *);
};

/* A concurrent fork waits while a thread is between these two, so descriptors created there never leak. No code between
 * them may wait. */
void beget__forks_guard(void);
void beget__forks_unguard(void);

/* Call these between guard and unguard. */
void beget__forks_watch(struct beget__forked *);
void beget__forks_unwatch(struct beget__forked *);

/* This thread is about to fork a child for that object; NULL: it has forked. */
void beget__forks_start(const struct beget__forked *);
/* In release: the object that this fork is for, or NULL if it is not a fork of the library. */
const struct beget__forked *beget__forks_started(void);

#endif
