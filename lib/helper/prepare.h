/* Making the helper what its children are born as. */
#ifndef BEGET__PREPARE_H
#define BEGET__PREPARE_H

#include <stddef.h>

/* Loads a library; makes the call that comes over the channel. Both with these standard streams, -1: closed. If the
 * other end of the channel closes meanwhile, this process ends; if the library or the call exits, that is reported on
 * the channel. */
int beget__prepare_load(const char *path, int channel, const int streams[3]);
int beget__prepare_call(int channel, const int streams[3]);

/* -EDEADLK, and a sentence that names them, if threads run that a fork would lose and the server does not allow it. */
int beget__prepare_threads(unsigned flags);

/* Descriptors that are open beside the standard streams and those of the library, in ascending order. */
int beget__prepare_open(const int *own, size_t n, int **ret, size_t *ret_n);

#endif
