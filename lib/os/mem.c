/* Memory.
 * Runs in every process. */
#include "os/mem.h"

#include "os/fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *beget__mem_alloc(size_t size)
{
	FAULT("alloc", NULL);
	return calloc(1, size);
}

void *beget__mem_alloc_aligned(size_t align, size_t size)
{
	FAULT("alloc", NULL);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

void *beget__mem_alloc_cleared(size_t align, size_t size)
{
	enum { WHOLE_PAGES = 65536 };

	FAULT("alloc", NULL);
	if (size > SIZE_MAX / 2)
		return NULL;
	if (size >= WHOLE_PAGES) { /* which are zeros, and aligned, and not there before they are touched */
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	void *p = beget__mem_alloc_aligned(align, size);
	return p ? memset(p, 0, size) : NULL;
}

void *beget__mem_alloc_unset(size_t size)
{
	FAULT("alloc", NULL);
	return malloc(size);
}
