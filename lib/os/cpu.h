/* Processors. */
#ifndef BEGET__CPU_H
#define BEGET__CPU_H

/* The number of processors that this process can use at once, at least 1: the smaller of its affinity mask and its
 * control group's quota. */
unsigned beget__cpu_count(void);

#endif
