/* Stdio streams in a child: nothing of the caller's is printed twice, all of the target's is printed once, and no input
 * is lost.
 * Runs in the child. */
#include "callee/stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>

/* glibc's walk over all open streams: exported for ever, though no longer declared. Without it, only the three standard
 * streams are known. */
__attribute__((weak)) void *_IO_iter_begin(void);
__attribute__((weak)) void *_IO_iter_end(void);
__attribute__((weak)) void *_IO_iter_next(void *);
__attribute__((weak)) FILE *_IO_iter_file(void *);

static void each(void (*visit)(FILE *))
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

/* Unread input stays: a copy reads on where the caller was. A stream that holds no output is not written to, for that
 * copies a page. */
static void purge(FILE *file)
{
	if (__fpending(file))
		__fpurge(file);
}

static void flush(FILE *file)
{
	/* Not of a stream for reading: fflush would move the position of the file that the caller reads too. Asked
	 * before the lock too: a lock is written to, and that copies a page. */
	if (!__fpending(file) || ftrylockfile(file))
		return;
	if (__fpending(file))
		fflush_unlocked(file);
	funlockfile(file);
}

void beget__stream_purge(void)
{
	each(purge);
}

void beget__stream_renew_input(void)
{
	__fpurge(stdin);
	clearerr_unlocked(stdin);
}

void beget__stream_flush(void)
{
	each(flush);
}
