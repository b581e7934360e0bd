/* The tie between a child and its caller. */
#ifndef BEGET__TIE_H
#define BEGET__TIE_H

#include <stdint.h>
#include <sys/types.h>

/* From now on, SIGKILL ends this process when the other end of the socket is closed. 0 or a negative errno. */
int beget__tie_arm(int socket);

/* Undoes it. */
void beget__tie_disarm(int socket);

/* A descriptor that becomes readable when the process that created the channel ends. If channel is -1, that process is
 * identified by number and start time. -EOPNOTSUPP: the process cannot be identified. */
int beget__tie_watch(int channel, pid_t, uint64_t started);

#endif
