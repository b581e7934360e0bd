/* The life of a pool. */
#ifndef BEGET__OPEN_H
#define BEGET__OPEN_H

#include "pool/pool.h"

/* Values that replace zero in the options of a pool. */
enum { BEGET__OPEN_QUEUE = 1024, BEGET__OPEN_IDLE_MS = 10000, BEGET__OPEN_BOOTS = 3 };

/* Opens a pool with checked options. solo: see beget_worker. */
int beget__open_pool(struct beget_pool **ret, const struct beget_pool_options *, bool solo);

/* Frees the caller's handle of the pool. Its lock must be held, and is released. */
void beget__open_free(struct beget_pool *);

/* Removes one reference; otherwise the same. */
void beget__open_drop(struct beget_pool *);

#endif
