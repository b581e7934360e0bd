/* New processes that execute the image. */
#ifndef BEGET__LAUNCH_H
#define BEGET__LAUNCH_H

#include "program/executable.h"
#include "program/launcher.h"

#include <stdbool.h>
#include <sys/types.h>

/* Executes the image, or the program if it is not NULL, as a child on the socket, with all signals blocked. output is
 * its standard error until it reaches beget_init; -1: the caller's. *pidfd is -1 on kernels without pidfds. -EPERM: the
 * image is set-id or has file capabilities. */
int beget__launch_spawn(const struct beget__executable *, int output, int socket, pid_t *pid, int *pidfd);

/* The same for a spare of the helper: it waits for its call. */
int beget__launch_spare(int socket, pid_t *pid, int *pidfd);

/* The same for a helper, which is not our child and has its own process group. *pid is the helper's or, if there is a
 * launcher, the launcher's. output is the standard error of both until the helper reaches beget_init; -1: none. eager:
 * the loader binds all functions at once, and ends the helper if one is missing. */
int beget__launch_helper(const struct beget__executable *, const struct beget__launcher *, int output, bool eager,
                         int socket, pid_t *pid);

/* True if descriptor 3 is a socket that was created by root or by a process with exactly our user ids. */
bool beget__launch_trusted(void);

#endif
