/* Modules: the program's file and its shared libraries. Those that a fresh image of the program would not have are
 * named by the caller and loaded in the child. */
#ifndef BEGET__MODULE_H
#define BEGET__MODULE_H

#include "program/binary.h"
#include "wire/bytes.h"

/* A module that code needs, read from a list; the path lies in that list. */
struct beget__module {
	const char *path; /* absolute; "" for the program */
	bool lacking;     /* in a fresh image */
	struct beget__build build;
};

/* A list of them as it lies in a message: each after those that it needs. */
struct beget__modules {
	const char *bytes;
	size_t size;
};

/* In beget_init: what is loaded now, every fresh image of the program has. Where it was never called, a fresh image is
 * that of the host program, which has the C library and little else. */
void beget__module_remember(void);

/* True if a fresh image has no such module: of this program, or of a foreign one, of which nothing is known. */
bool beget__module_lacking(const struct dl_phdr_info *, bool foreign);

void beget__module_put_build(struct beget__writer *, const struct beget__build *);
void beget__module_get_build(struct beget__reader *, struct beget__build *);

/* Writes the list for the code at the address: the modules that the reader's image lacks, or all of them. None for 0.
 */
void beget__module_put(struct beget__writer *, uintptr_t address, bool all);

/* Reads a list where it lies, and its entries one by one: false at the end. */
void beget__module_get(struct beget__reader *, struct beget__modules *);
bool beget__module_next(struct beget__reader *, struct beget__module *);

/* In the caller: 0 if the files of all that a child would have to load for this address are still what is loaded here;
 * -ENOENT, -ESTALE. */
int beget__module_check(uintptr_t address, bool foreign);

/* In the child: loads what it lacks of the list. -ENOENT, -ESTALE, -ELIBACC. */
int beget__module_load(const struct beget__modules *);

/* In the child or the helper: loads one. -ELIBACC. */
int beget__module_open(const char *path);

/* -EDEADLK while one of the two runs, for what a constructor must not do: processes that it starts would load its
 * module too, and it would start some in each of them, and so on. */
int beget__module_check_settled(void);

#endif
