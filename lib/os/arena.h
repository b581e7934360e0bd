/* Memory that is freed all at once. */
#ifndef BEGET__ARENA_H
#define BEGET__ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct beget__block;

/* Empty while end is NULL. It points into itself and must not be copied. */
struct beget__arena {
	char *at, *end; /* the free part of the newest block */
	struct beget__block *blocks;
	struct beget__block *kept;              /* for reuse */
	bool used;                              /* the newest block has been used before, so it is not zeroed */
	_Alignas(max_align_t) char first[1024]; /* for small needs, without an allocation */
};

/* Zeroed memory, aligned to a power of two. Returns NULL if there is no memory. */
void *beget__arena_alloc(struct beget__arena *, size_t align, size_t size);
/* Frees all memory except one block of at most 4 MiB, whose pages stay mapped for the next use. */
void beget__arena_reset(struct beget__arena *);
/* Frees everything; the arena can be used again. */
void beget__arena_free(struct beget__arena *);

#endif
