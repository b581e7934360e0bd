/* Starts. */
#ifndef BEGET__START_H
#define BEGET__START_H

#include <beget.h>

/* Starts a worker, which shares the memory of the file claims with the caller: see message/claim.h. */
int beget__start_worker(struct beget_process **ret, const struct beget_options *, int claims);

#endif
