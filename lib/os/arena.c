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
	size_t room;
};

enum { LEAST = 4000, KEEP_MOST = 4 << 20 };

/* Calloc takes large blocks from the kernel: their pages are not touched before they are used. */
static struct beget__block *new_block(size_t room)
{
	struct beget__block *block = beget__mem_alloc(sizeof(*block) + room);

	if (block)
		block->room = room;
	return block;
}

static bool grow(struct beget__arena *a, size_t need)
{
	bool kept = a->kept && a->kept->room >= need;
	struct beget__block *block = kept ? a->kept : new_block(need < LEAST ? LEAST : need);

	if (!block)
		return false;
	if (kept)
		a->kept = NULL;
	block->next = a->blocks;
	a->blocks = block;
	a->used = kept;
	a->at = (char *)(block + 1);
	a->end = a->at + block->room;
	return true;
}

void *beget__arena_alloc(struct beget__arena *a, size_t align, size_t size)
{
	if (!a->end) {
		a->at = a->first;
		a->end = a->first + sizeof(a->first);
		a->used = true;
	}
	if (size > SIZE_MAX / 2 || (size + align > (size_t)(a->end - a->at) && !grow(a, size + align)))
		return NULL;
	char *p = a->at + (-(uintptr_t)a->at & (align - 1));
	a->at = p + size;
	return a->used ? memset(p, 0, size) : p;
}

void beget__arena_reset(struct beget__arena *a)
{
	for (struct beget__block *b, *next; (b = a->blocks); a->blocks = next) {
		next = b->next;
		bool keep = b->room <= KEEP_MOST && (!a->kept || b->room > a->kept->room);
		free(keep ? a->kept : b);
		if (keep)
			a->kept = b;
	}
	a->at = a->end = NULL;
}

void beget__arena_free(struct beget__arena *a)
{
	beget__arena_reset(a);
	free(a->kept);
	a->kept = NULL;
}
