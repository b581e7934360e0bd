/* A child's bond with its caller. */
#ifndef BEGET__TIE_H
#define BEGET__TIE_H

#include <stdint.h>
#include <sys/types.h>

/* From here on SIGKILL ends this process when the other end of the socket is gone. 0 or a negative errno. */
int beget__tie_arm(int socket);

/* No more. */
void beget__tie_disarm(int socket);

/* A descriptor that polls readable once the process is gone that made the channel; -1 if that is closed, and then by
 * its number and start time. -EOPNOTSUPP if it cannot be known which process that is. */
int beget__tie_watch(int channel, pid_t, uint64_t started);

#endif
