/* The lines of BEGET_TRACE.
 * Runs in every process. */
#include "os/trace.h"

#include "os/libc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int beget__trace_fd = -1;
const char *beget__trace_role = "caller";

void beget__trace_init(void)
{
	const char *value = beget__libc_secure_getenv("BEGET_TRACE");

	if (value && strcmp(value, "1") == 0)
		beget__trace_fd = STDERR_FILENO;
}

void beget__trace_line(const char *format, ...)
{
	int saved = errno;
	char line[400];
	va_list ap;

	va_start(ap, format);
	int n = snprintf(line, sizeof(line), "beget[%d] %s: ", (int)getpid(), beget__trace_role);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	line[n++] = '\n'; /* replaces the terminating zero: one write is one line */
	while (write(beget__trace_fd, line, (size_t)n) < 0 && errno == EINTR)
		;
	errno = saved;
}
