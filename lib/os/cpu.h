/* Processors. */
#ifndef BEGET__CPU_H
#define BEGET__CPU_H

/* How many this process may use at once: the smaller of its affinity mask and its control group's quota; at least 1. */
unsigned beget__cpu_count(void);

#endif
