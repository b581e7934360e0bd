/* New processes that execute the image. */
#ifndef BEGET__LAUNCH_H
#define BEGET__LAUNCH_H

#include "program/executable.h"

#include <sys/types.h>

/* Executes the image, or the program if it is not NULL, as a child on the socket, with all signals blocked; *pidfd is
 * -1 where there are none. -EPERM for set-id images and those with file capabilities. */
int beget__launch_spawn(const struct beget__executable *, int socket, pid_t *pid, int *pidfd);

/* The same as a spare, in the helper: it waits for its call, which comes from elsewhere. */
int beget__launch_spare(int socket, pid_t *pid, int *pidfd);

/* The same as a helper that is no child of ours and in a group of its own; *pid is the helper's. */
int beget__launch_helper(const struct beget__executable *, int socket, pid_t *pid);

/* True if descriptor 3 is a socket that a process of exactly our user made. */
bool beget__launch_trusted(void);

#endif
