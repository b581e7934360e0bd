/* The image that each new birth executes: that of this program, pinned once, or where main did not call beget_init, of
 * the host program beget-host. */
#ifndef BEGET__IMAGE_H
#define BEGET__IMAGE_H

#include "sys.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where a started process finds the socket that it was born with. */
#define BEGET__CHANNEL_FD 3

/* What a process that we executed is: told by its only argument. */
enum beget__birth { BEGET__BORN_FREE, BEGET__BORN_CHILD, BEGET__BORN_SPARE, BEGET__BORN_HELPER };

/* Pins the image and tells what this process is. */
enum beget__birth beget__image_init(int argc, char **argv);

/* In a child: the image is the one that runs; open it when it is needed. */
void beget__image_inherit(void);

/* Another program to execute in place of this one, pinned too; its main calls beget_init. Zero is none. */
struct beget__program {
	char *path; /* NULL: none */
	int fd;
	struct beget__identity identity;
};
int beget__program_open(struct beget__program *, const char *path); /* "beget-host" is ours, wherever it is */
void beget__program_close(struct beget__program *);                 /* only the descriptor */
void beget__program_free(struct beget__program *);

/* True without beget__image_init: then the image is the host program's. */
bool beget__image_is_host(void);

/* -EOPNOTSUPP without beget__image_init: then the image has nothing of the program itself. */
int beget__image_check(void);

/* The files of this program, and of what is executed, for sentences; in text or elsewhere. */
const char *beget__image_program(char *text, size_t size);
const char *beget__image_path(char *text, size_t size);

/* 0 if it can be executed: see beget__image_spawn. */
int beget__image_ready(const struct beget__program *);

/* Executes the image, or the program if it is not NULL, as a child on the socket, with all signals blocked; *pidfd is
 * -1 where there are none. -EPERM for set-id images and those with file capabilities. */
int beget__image_spawn(const struct beget__program *, int socket, pid_t *pid, int *pidfd);

/* The same as a spare, in the helper: it waits for its call, which comes from elsewhere. */
int beget__image_spare(int socket, pid_t *pid, int *pidfd);

/* The same as a helper that is no child of ours and in a group of its own; *pid is the helper's. */
int beget__image_helper(const struct beget__program *, int socket, pid_t *pid);

/* True if descriptor 3 is a socket that a process of exactly our user made. */
bool beget__image_trusted(void);

#endif
