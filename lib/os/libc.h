/* Differences between C libraries. No other file asks which one it is compiled for. */
#ifndef BEGET__LIBC_H
#define BEGET__LIBC_H

#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifdef __GLIBC__
typedef __rlimit_resource_t beget__libc_resource; /* the first argument of getrlimit */
typedef unsigned long beget__libc_request;        /* the second argument of ioctl */
#define BEGET__LIBC_RECURSIVE_MUTEX PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
#else /* musl, whose mutexes begin with their type */
typedef int beget__libc_resource;
typedef int beget__libc_request;
/* clang-format off */
#define BEGET__LIBC_RECURSIVE_MUTEX {{{PTHREAD_MUTEX_RECURSIVE}}}
/* clang-format on */
#endif

/* The padding in the message and in its control data must be zero. */
ssize_t beget__libc_sendmsg(int fd, const struct msghdr *, int flags);

/* The meaning of an errno: text, or a constant string. */
const char *beget__libc_error(int error, char *text, size_t size);

/* NULL in a set-id program. */
const char *beget__libc_secure_getenv(const char *name);

/* The last component of argv[0]. */
const char *beget__libc_program(void);

bool beget__libc_is(const char *soname); /* the C library */
bool beget__libc_single_threaded(void);  /* false: other threads are possible */

/* Like atexit and exit. A handler can ask for the exit code. False: only the kernel will know it, because the program
 * called exit, and this libc does not pass the code to handlers. */
int beget__libc_at_exit(void (*)(void));
_Noreturn void beget__libc_exit(int code);
bool beget__libc_exit_code(int *ret);
const char *beget__libc_exit_text(char *text, size_t size); /* " with code 7"; "" if unknown */

/* Visits all open streams, or only the standard ones if libc cannot list them. */
void beget__libc_each_stream(void (*visit)(FILE *));
bool beget__libc_unflushed(FILE *); /* holds output that has not been written */
void beget__libc_purge(FILE *);     /* discards its buffer, including unread input */
void beget__libc_flush(FILE *);     /* output only; skips a stream that another thread has locked */

/* The loader's path of a module; "" for the program. */
const char *beget__libc_module_name(const struct dl_phdr_info *);

/* The functions that write the counters of gcc and clang, by name, NULL at the end, and those that are linked with the
 * library; NULL: the program was not built for coverage. Write calls the right ones. */
enum { BEGET__LIBC_COVERAGE = 4 };
typedef void (*beget__libc_function)(void);
extern const char *const beget__libc_coverage_names[BEGET__LIBC_COVERAGE + 1];
void beget__libc_coverage_functions(beget__libc_function ret[BEGET__LIBC_COVERAGE]);
void beget__libc_write_coverage(const beget__libc_function[BEGET__LIBC_COVERAGE]);

#endif
