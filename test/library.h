/* The shared libraries that the Makefile builds from test/lib: their paths and their functions. */
#ifndef LIBRARY_TEST_H
#define LIBRARY_TEST_H

#include "harness.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef void (*function)(void);

/* The path of the library with that name, valid until the next call. */
static inline const char *built(const char *name)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 100);

	assert_true(n > 0);
	path[n] = '\0';
	sprintf(strrchr(path, '/'), "/lib/%s", name);
	return path;
}

static inline void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library)
		fail_msg("%s", dlerror());
	return library;
}

static inline function symbol(void *library, const char *name)
{
	void *address = dlsym(library, name);
	function f;

	assert_non_null(address);
	memcpy(&f, &address, sizeof(f));
	return f;
}

#endif
