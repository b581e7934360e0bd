/* The image that each new birth executes: that of this program, pinned once, or where main did not call beget_init, of
 * the host program beget-host. */
#ifndef BEGET__IMAGE_H
#define BEGET__IMAGE_H

#include "program/executable.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where a started process finds the socket that it was born with. */
#define BEGET__CHANNEL_FD 3

/* The arguments that say so. */
#define BEGET__CHILD_MARK  "--beget-child"
#define BEGET__SPARE_MARK  "--beget-spare"
#define BEGET__HELPER_MARK "--beget-helper"

/* The variable by which a helper binds eagerly, and the value that marks it as ours. */
#define BEGET__BIND_NOW    "LD_BIND_NOW"
#define BEGET__OUR_BINDING "beget"

/* What a process that we executed is, by its only argument. */
enum beget__birth { BEGET__BORN_FREE, BEGET__BORN_CHILD, BEGET__BORN_SPARE, BEGET__BORN_HELPER };

/* Pins the image; returns what this process is. */
enum beget__birth beget__image_init(int argc, char **argv);

/* In a child: the image is the one that runs; open it when it is needed. */
void beget__image_inherit(void);

/* True without beget__image_init: then the image is the host program's. */
bool beget__image_is_host(void);

/* -EOPNOTSUPP without beget__image_init: then the image has nothing of the program itself. */
int beget__image_check(void);

/* The files of this program, and of what is executed, for sentences; in text or elsewhere. */
const char *beget__image_program(char *text, size_t size);
const char *beget__image_path(char *text, size_t size);

/* 0 if it can be executed: see program/launch.h. */
int beget__image_ready(const struct beget__executable *);

/* For execution: the pinned descriptor, and argv[0]. */
int beget__image_fd(void);
char *beget__image_name(void);

#endif
