/* Stdio streams in a child: the caller's output is not printed twice, the target's output is printed once, and no input
 * is lost. Runs in the child, and in the helper while it is being prepared. */
#include "callee/stream.h"

#include "os/libc.h"

/* Unread input stays, because a copy continues reading where the caller was. A stream without output is not written to,
 * because that would copy a page. */
static void purge(FILE *file)
{
	if (beget__libc_unflushed(file))
		beget__libc_purge(file);
}

/* Not for input: fflush would move the file position, which the caller shares. Taking the lock writes to memory and
 * copies a page, so check for output first. */
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
