/* A function, named in a way that lets another process find it: module, build-id, offset. */
#ifndef BEGET__TARGET_H
#define BEGET__TARGET_H

#include "program/module.h"

struct beget__target {
	const char *module;            /* path, "" for the main program; in the loader's memory or in a message */
	uint64_t offset;               /* of the function, from the module's load address */
	struct beget__build build;     /* of the module or, without a build-id, of the function */
	uintptr_t lacking;             /* in the caller: the function if a fresh image lacks its module; else 0 */
	bool foreign;                  /* in the caller: the reader is another program, with other modules */
	struct beget__modules modules; /* in the child: the modules to load in that case, in the message */
};

/* In beget_init: records where the program is, and its build. */
void beget__target_remember(void);

/* Names the function, for a process of this program or of a foreign one. -EOPNOTSUPP: it is in no module. */
int beget__target_find(void (*function)(void), bool foreign, struct beget__target *ret);

/* Copies the target for sentences, and frees a copy: the loader frees the name of a module that is unloaded. 0 or
 * -ENOMEM.
 */
int beget__target_keep(const struct beget__target *, struct beget__target *ret);
void beget__target_free(struct beget__target *);

/* Finds the function in this process, and loads the modules that were sent with it. -ENOENT: no such module; -ESTALE: a
 * different build, or no code at the offset; -ELIBACC: a module cannot be loaded. */
int beget__target_resolve(const struct beget__target *, void (**ret)(void));

void beget__target_put(struct beget__writer *, const struct beget__target *);
void beget__target_get(struct beget__reader *, struct beget__target *);

#endif
