/* Stdio streams in a child: nothing of the caller's is printed twice, all of the target's is printed once, and no input
 * is lost.
 * Runs in the child, and in the helper while it is prepared. */
#include "callee/stream.h"

#include "os/libc.h"

/* Unread input stays: a copy reads on where the caller was. A stream that holds no output is not written to, for that
 * copies a page. */
static void purge(FILE *file)
{
	if (beget__libc_unflushed(file))
		beget__libc_purge(file);
}

/* Not a stream for reading: fflush would move the position of the file that the caller reads too. A lock is written to,
 * and that copies a page: so look before. */
static void flush(FILE *file)
{
	if (beget__libc_unflushed(file))
		beget__libc_flush(file);
}

void beget__stream_purge(void)
{
	beget__libc_each_stream(purge);
}

void beget__stream_renew_input(void)
{
	beget__libc_purge(stdin);
	clearerr_unlocked(stdin);
}

void beget__stream_flush(void)
{
	beget__libc_each_stream(flush);
}
