/* Memory.
 * Runs in every process. */
#include "os/mem.h"

#include "os/fault.h"

#include <stdlib.h>
#include <string.h>

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

char **beget__mem_copy_strings(const char *const *list)
{
	size_t n = 0, size = 0;

	while (list && list[n])
		size += strlen(list[n++]) + 1;
	char **copy = beget__mem_alloc((n + 1) * sizeof(*copy) + size);
	if (!copy)
		return NULL;
	char *at = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = at;
		at = stpcpy(at, list[i]) + 1;
	}
	return copy;
}
