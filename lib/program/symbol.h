/* Function names for offsets. */
#ifndef BEGET__SYMBOL_H
#define BEGET__SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/* Writes "function" or "function+0x1f" of the module ("" for this program), or "module+0x1234" without a symbol. */
void beget__symbol_name(const char *module, uint64_t offset, char *text, size_t size);

#endif
