/* How long a task may run. */
#ifndef BEGET__LIMIT_H
#define BEGET__LIMIT_H

#include <stdint.h>

/* From now on the task may run so long; then the caller is told, and SIGKILL ends this process. 0 or a negative errno.
 */
int beget__limit_arm(int channel, uint32_t task, int ms);
void beget__limit_disarm(void);

#endif
