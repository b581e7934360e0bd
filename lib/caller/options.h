/* Option structs. */
#ifndef BEGET__OPTIONS_H
#define BEGET__OPTIONS_H

#include <beget.h>
#include <stddef.h>

/* Any options, which say their own size: the struct of an older caller ends earlier, that of a newer one must ask for
 * nothing that this version does not know. The macro is what fills them. */
int beget__options_copy(void *ret, size_t size, const void *options, size_t least, const char *macro);

/* The options of a start, as far as they can be checked without the call: values, flags and streams. */
int beget__options_check(struct beget_options *ret, const struct beget_options *);

/* For sentences. */
extern const char *const beget__options_streams[3];

#endif
