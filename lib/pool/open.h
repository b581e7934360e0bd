/* The life of a pool. */
#ifndef BEGET__OPEN_H
#define BEGET__OPEN_H

#include "pool/pool.h"

/* Where the options of a pool are zero. */
enum { BEGET__OPEN_QUEUE = 1024, BEGET__OPEN_IDLE_MS = 10000, BEGET__OPEN_BOOTS = 3 };

/* The options are checked. solo: see beget_worker. */
int beget__open_pool(struct beget_pool **ret, const struct beget_pool_options *, bool solo);

/* The caller has no handle of the pool any more; its lock is held, and released. */
void beget__open_free(struct beget_pool *);

/* One reference less; the same. */
void beget__open_drop(struct beget_pool *);

#endif
