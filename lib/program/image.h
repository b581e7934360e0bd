/* The image that each new process executes: this program, pinned once, or the host program beget-host if main did not
 * call beget_init. */
#ifndef BEGET__IMAGE_H
#define BEGET__IMAGE_H

#include "program/executable.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The number of the socket in a process that was started. */
#define BEGET__CHANNEL_FD 3

/* The number of the image's descriptor in a launcher. */
#define BEGET__IMAGE_FD   4
#define BEGET__IMAGE_NAME "/proc/self/fd/4"

/* The argument that marks such a process. */
#define BEGET__CHILD_MARK  "--beget-child"
#define BEGET__SPARE_MARK  "--beget-spare"
#define BEGET__HELPER_MARK "--beget-helper"

/* The variable that makes a helper bind eagerly, with a value that marks it as set by us. */
#define BEGET__BIND_NOW    "LD_BIND_NOW"
#define BEGET__OUR_BINDING "beget"

/* What kind of process this is, known from its only argument. */
enum beget__birth { BEGET__BORN_FREE, BEGET__BORN_CHILD, BEGET__BORN_SPARE, BEGET__BORN_HELPER };

/* Pins the image and returns what kind of process this is. */
enum beget__birth beget__image_init(int argc, char **argv);

/* In a child: the image is the running program, and is opened when it is needed. */
void beget__image_inherit(void);

/* True if beget__image_init was not called: the image is then the host program. */
bool beget__image_is_host(void);

/* -EOPNOTSUPP if beget__image_init was not called: the image then contains nothing of the program. */
int beget__image_check(void);

/* The paths of this program and of the image, for error sentences: text, or a constant string. */
const char *beget__image_program(char *text, size_t size);
const char *beget__image_path(char *text, size_t size);

/* 0 if the image can be executed; see program/launch.h. */
int beget__image_ready(const struct beget__executable *);

/* The pinned descriptor and argv[0], for execution. */
int beget__image_fd(void);
char *beget__image_name(void);

#endif
