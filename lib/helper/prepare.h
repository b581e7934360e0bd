/* Prepares the helper whose children are born with its memory. */
#ifndef BEGET__PREPARE_H
#define BEGET__PREPARE_H

#include <stddef.h>

/* Loads a library; runs the call that is sent over the channel. Both use these standard streams (-1: closed). If the
 * other end of the channel closes meanwhile, this process ends. If the library or the call exits, that is reported on
 * the channel. */
int beget__prepare_load(const char *path, int channel, const int streams[3]);
int beget__prepare_call(int channel, const int streams[3]);

/* -EDEADLK, and a sentence that names them, if threads run that a fork would lose and the server does not permit it. */
int beget__prepare_threads(unsigned flags);

/* The open descriptors except the standard streams and the library's own, in ascending order. */
int beget__prepare_open(const int *own, size_t n, int **ret, size_t *ret_n);

#endif
