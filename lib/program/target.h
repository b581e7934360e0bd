/* A function named so that another process can find it: module, build-id, offset. */
#ifndef BEGET__TARGET_H
#define BEGET__TARGET_H

#include "program/module.h"

struct beget__target {
	const char *module;            /* path, "" for the main program; belongs to the loader or to a message */
	uint64_t offset;               /* of the function, from the module's load address */
	struct beget__build build;     /* of the module; where it has no build-id, of the function */
	uintptr_t lacking;             /* in the caller: the function, if a fresh image lacks its module; else 0 */
	struct beget__modules modules; /* in the child: what to load then; in the message */
};

/* In beget_init: where the program is, which most functions are of, and which build. */
void beget__target_remember(void);

/* Names the function, for a process of this program or of a foreign one; -EOPNOTSUPP if it lies in no module. */
int beget__target_find(void (*function)(void), bool foreign, struct beget__target *ret);

/* Finds it again, here, and loads its module if it came with it: -ENOENT no such module, -ESTALE a different one or no
 * code at the offset, -ELIBACC it cannot be loaded. */
int beget__target_resolve(const struct beget__target *, void (**ret)(void));

void beget__target_put(struct beget__writer *, const struct beget__target *);
void beget__target_get(struct beget__reader *, struct beget__target *);

#endif
