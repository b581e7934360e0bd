/* Memory.
 * Runs in every process. */
#include "os/mem.h"

#include "os/fault.h"

#include <stdlib.h>

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

void *beget__mem_alloc_unset(size_t size)
{
	FAULT("alloc", NULL);
	return malloc(size);
}
