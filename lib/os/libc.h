/* What differs between C libraries. No other file asks which one it is. */
#ifndef BEGET__LIBC_H
#define BEGET__LIBC_H

#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>

/* The type of the first argument of getrlimit. */
#ifdef __GLIBC__
typedef __rlimit_resource_t beget__libc_resource;
#else
typedef int beget__libc_resource;
#endif

/* A recursive mutex, initialised without a call. */
#define BEGET__LIBC_RECURSIVE_MUTEX PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP

/* The meaning of an errno; in text or elsewhere. */
const char *beget__libc_error(int error, char *text, size_t size);

/* NULL in a set-id program. */
const char *beget__libc_secure_getenv(const char *name);

/* The last component of argv[0]. */
const char *beget__libc_program(void);

bool beget__libc_is(const char *soname); /* the C library's */
bool beget__libc_single_threaded(void);  /* false: there may be other threads */

/* Like atexit, with the exit code. Nonzero: no memory. */
int beget__libc_on_exit(void (*)(int code, void *data), void *data);

/* All open streams, or where libc cannot list them the standard ones. */
void beget__libc_each_stream(void (*visit)(FILE *));
bool beget__libc_unflushed(FILE *); /* has output that was not written */
void beget__libc_purge(FILE *);     /* forgets what it holds, input too */
void beget__libc_flush(FILE *);     /* output only; passes over a stream that another thread has locked */

/* The directory that the loader found the module at the address in. False: it cannot say. */
bool beget__libc_origin(const void *address, char *text);

/* What gcov has counted so far, if the program counts. */
void beget__libc_dump_coverage(void);

#endif
