/* Memory that is freed all at once. */
#ifndef BEGET__ARENA_H
#define BEGET__ARENA_H

#include <stddef.h>

struct beget__block;

/* Empty while end is NULL. Points into itself: it cannot be copied. */
struct beget__arena {
	char *at, *end; /* the free part of the newest block */
	struct beget__block *blocks;
	_Alignas(max_align_t) char first[1024]; /* small needs allocate nothing */
};

/* Zeroed, aligned to a power of two; NULL: no memory. */
void *beget__arena_alloc(struct beget__arena *, size_t align, size_t size);
/* Frees everything; the arena can be used again. */
void beget__arena_free(struct beget__arena *);

#endif
