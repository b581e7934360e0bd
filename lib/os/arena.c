/* Memory that is freed all at once: a block inside the arena, then further blocks on demand.
 * Runs in every process. */
#include "os/arena.h"

#include "os/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct beget__block {
	struct beget__block *next;
};

/* Calloc takes large blocks from the kernel: their pages are not touched before they are used. */
static bool grow(struct beget__arena *a, size_t need)
{
	enum { LEAST = 4000 };
	size_t room = need < LEAST ? LEAST : need;
	struct beget__block *block = beget__mem_alloc(sizeof(*block) + room);

	if (!block)
		return false;
	block->next = a->blocks;
	a->blocks = block;
	a->at = (char *)(block + 1);
	a->end = a->at + room;
	return true;
}

void *beget__arena_alloc(struct beget__arena *a, size_t align, size_t size)
{
	if (!a->end) {
		a->at = a->first;
		a->end = a->first + sizeof(a->first);
	}
	if (size > SIZE_MAX / 2 || (size + align > (size_t)(a->end - a->at) && !grow(a, size + align)))
		return NULL;
	char *p = a->at + (-(uintptr_t)a->at & (align - 1));
	a->at = p + size;
	return a->blocks ? p : memset(p, 0, size);
}

void beget__arena_free(struct beget__arena *a)
{
	while (a->blocks) {
		struct beget__block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->at = a->end = NULL;
}
