/* The time limit of a task. */
#ifndef BEGET__LIMIT_H
#define BEGET__LIMIT_H

#include <stdint.h>

/* From now on the task may run for ms milliseconds; then the caller gets a report, and SIGKILL ends this process. 0 or
 * a negative errno. */
int beget__limit_arm(int channel, uint32_t task, int ms);
void beget__limit_disarm(void);

#endif
