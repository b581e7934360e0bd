/* Function names for offsets. */
#ifndef BEGET__SYMBOL_H
#define BEGET__SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes "function" or "function+0x1f" of the module ("" for this program). False: there is no symbol, and "code at
 * 0x1234 in module" was written. */
bool beget__symbol_name(const char *module, uint64_t offset, char *text, size_t size);

/* The offsets of functions of a module's file, static ones included; 0: none. names ends with NULL. */
void beget__symbol_find(int fd, const char *const *names, uint64_t *offsets);

#endif
