/* The failure record behind beget_error(), and the one-line trace of BEGET_TRACE.
 * Runs in caller, helper and child; knows no other file of the library. */
#include "error.h"

#include <beget.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *beget__role = "caller";
int beget__trace_fd = -1;

static _Thread_local struct beget__failure last = {0, "no failure"};

/* strerror_r of the two kinds answers differently; strerrordesc_np is newer than our oldest libc. */
static const char *meaning(int error, char *text, size_t size)
{
	return strerror_r(error, text, size);
}

static void cut(int length)
{
	if (length >= (int)sizeof(last.text))
		memcpy(last.text + sizeof(last.text) - 4, "...", 4);
}

int beget__fail(int error, const char *format, ...)
{
	char why[80];
	va_list ap;

	va_start(ap, format);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, format, ap);
	va_end(ap);
	size_t used = strlen(last.text);
	int k = snprintf(last.text + used, sizeof(last.text) - used, ": %s", meaning(error, why, sizeof(why)));
	cut(n + m + k);
	last.code = -error;
	beget__trace("failed: %s", last.text);
	return -error;
}

int beget__fail_plain(int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, format, ap);
	va_end(ap);
	cut(n + m);
	last.code = -error;
	beget__trace("failed: %s", last.text);
	return -error;
}

int beget__fail_within(const char *where, ...)
{
	struct beget__failure inner = last;
	const char *text = inner.text;
	size_t role = strlen(beget__role);
	va_list ap;

	if (strncmp(text, beget__role, role) == 0 && strncmp(text + role, ": ", 2) == 0)
		text += role + 2;
	va_start(ap, where);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, where, ap);
	va_end(ap);
	size_t used = strlen(last.text);
	int k = snprintf(last.text + used, sizeof(last.text) - used, ": %s", text);
	cut(n + m + k);
	return last.code;
}

int beget__fail_with(const struct beget__failure *failure)
{
	last = *failure;
	last.text[sizeof(last.text) - 1] = '\0';
	return last.code;
}

const struct beget__failure *beget__failure(void)
{
	return &last;
}

const char *beget_error(void)
{
	return last.text;
}

void beget__trace_init(void)
{
	const char *value = secure_getenv("BEGET_TRACE");

	if (value && strcmp(value, "1") == 0)
		beget__trace_fd = STDERR_FILENO;
}

void beget__trace_line(const char *format, ...)
{
	int saved = errno;
	char line[400];
	va_list ap;

	va_start(ap, format);
	int n = snprintf(line, sizeof(line), "beget[%d] %s: ", (int)getpid(), beget__role);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	line[n++] = '\n'; /* over the terminating zero: one write, one line */
	while (write(beget__trace_fd, line, (size_t)n) < 0 && errno == EINTR)
		;
	errno = saved;
}
