/* Allocations that tests can make fail. */
#ifndef BEGET__MEM_H
#define BEGET__MEM_H

#include <stddef.h>

void *beget__mem_alloc(size_t size);       /* zeroed; NULL: no memory */
void *beget__mem_alloc_unset(size_t size); /* not zeroed, so its pages are not touched */
void *beget__mem_alloc_aligned(size_t align, size_t size);
/* Copies a list that ends with NULL into one block. NULL for NULL, or if there is no memory. */
char **beget__mem_copy_strings(const char *const *);

#endif
