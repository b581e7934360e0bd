/* Sets of processes, of which one call returns any that has ended. */
#ifndef BEGET__SET_H
#define BEGET__SET_H

#include <beget.h>

/* The handle will be freed: takes it out of its set. */
void beget__set_forget(struct beget_process *);

#endif
