/* Differences between C libraries.
 * Runs in every process. */
#include "os/libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<sys/single_threaded.h>) /* since glibc 2.32 */
#include <sys/single_threaded.h>
#else
enum { __libc_single_threaded = false };
#endif

/* Weak: a statically linked program has no loader and must not get one because of us. */
#pragma weak dlinfo
#pragma weak dladdr1

/* glibc's iteration over all open streams: still exported, but no longer declared. */
__attribute__((weak)) void *_IO_iter_begin(void);
__attribute__((weak)) void *_IO_iter_end(void);
__attribute__((weak)) void *_IO_iter_next(void *);
__attribute__((weak)) FILE *_IO_iter_file(void *);

__attribute__((weak)) void __gcov_dump(void);

/* The strerror_r of POSIX returns an int, and strerrordesc_np is newer than the oldest libc that we support. */
const char *beget__libc_error(int error, char *text, size_t size)
{
	return strerror_r(error, text, size);
}

const char *beget__libc_secure_getenv(const char *name)
{
	return secure_getenv(name);
}

const char *beget__libc_program(void)
{
	return program_invocation_short_name;
}

bool beget__libc_is(const char *soname)
{
	return strcmp(soname, "libc.so.6") == 0;
}

bool beget__libc_single_threaded(void)
{
	return __libc_single_threaded;
}

int beget__libc_on_exit(void (*handler)(int code, void *data), void *data)
{
	return on_exit(handler, data);
}

void beget__libc_each_stream(void (*visit)(FILE *))
{
	if (_IO_iter_begin && _IO_iter_end && _IO_iter_next && _IO_iter_file) {
		for (void *i = _IO_iter_begin(); i != _IO_iter_end(); i = _IO_iter_next(i))
			visit(_IO_iter_file(i));
		return;
	}
	visit(stdin);
	visit(stdout);
	visit(stderr);
}

bool beget__libc_unflushed(FILE *file)
{
	return __fpending(file) > 0;
}

void beget__libc_purge(FILE *file)
{
	__fpurge(file);
}

void beget__libc_flush(FILE *file)
{
	if (ftrylockfile(file))
		return;
	if (__fpending(file))
		fflush_unlocked(file);
	funlockfile(file);
}

bool beget__libc_origin(const void *address, char *text)
{
	struct link_map *map = NULL;
	Dl_info unused;

	return dladdr1 && dlinfo && dladdr1(address, &unused, (void **)&map, RTLD_DL_LINKMAP) && map &&
	       dlinfo(map, RTLD_DI_ORIGIN, text) == 0;
}

void beget__libc_dump_coverage(void)
{
	if (__gcov_dump)
		__gcov_dump();
}
