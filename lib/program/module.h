/* Modules: the program's file and its shared libraries. The caller names those that a fresh image of the program would
 * not have, and the child loads them. */
#ifndef BEGET__MODULE_H
#define BEGET__MODULE_H

#include "program/binary.h"
#include "wire/bytes.h"

/* A module that the code needs, as read from a list; the path points into that list. */
struct beget__module {
	const char *path; /* absolute; "" for the program */
	bool lacking;     /* from a fresh image */
	struct beget__build build;
};

/* A list of modules as it is in a message: each comes after those that it needs. */
struct beget__modules {
	const char *bytes;
	size_t size;
};

/* In beget_init: records what is loaded, because every fresh image of the program has that. Without this call, a fresh
 * image is that of the host program, which has only the C library and a few others. */
void beget__module_remember(void);

/* True if a fresh image lacks the module. If foreign, the image is of another program, whose modules are unknown. */
bool beget__module_lacking(const struct dl_phdr_info *, bool foreign);

void beget__module_put_build(struct beget__writer *, const struct beget__build *);
void beget__module_get_build(struct beget__reader *, struct beget__build *);

/* Writes the list for the code at the address: the modules that the reader's image lacks, or all modules. The list for
 * address 0 is empty. */
void beget__module_put(struct beget__writer *, uintptr_t address, bool foreign, bool all);

/* Reads a list in place; and its next entry: false at the end. */
void beget__module_get(struct beget__reader *, struct beget__modules *);
bool beget__module_next(struct beget__reader *, struct beget__module *);

/* In the caller: 0 if the files of all modules that a child must load for this address are still the builds that are
 * loaded here. Else -ENOENT or -ESTALE. */
int beget__module_check(uintptr_t address, bool foreign);

/* In the child: loads those modules of the list that it lacks. -ENOENT, -ESTALE, -ELIBACC. */
int beget__module_load(const struct beget__modules *);

/* In the child or the helper: loads one module. -ELIBACC. */
int beget__module_open(const char *path);

/* -EDEADLK while one of the two functions above runs. A constructor must not start processes then: each of them would
 * load the same module, whose constructor would start more. */
int beget__module_check_settled(void);

#endif
