/* Option structs. */
#ifndef BEGET__OPTIONS_H
#define BEGET__OPTIONS_H

#include <beget.h>
#include <stddef.h>

/* Copies any option struct, whose first field is its size. The struct of an older caller is shorter; that of a newer
 * one must not use fields that this version does not know. macro: the macro that fills it, for error sentences. */
int beget__options_copy(void *ret, size_t size, const void *options, size_t least, const char *macro);

/* Checks the options of a start as far as that is possible without the call: values, flags and streams. */
int beget__options_check(struct beget_options *ret, const struct beget_options *);

/* For error sentences. */
extern const char *const beget__options_streams[3];

#endif
