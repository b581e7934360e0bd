/* The failure record behind beget_error().
 * Runs in every process. */
#include "os/fail.h"

#include "os/libc.h"
#include "os/trace.h"

#include <beget.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct beget__failure last = {0, "no failure"};

static void cut(int length)
{
	if (length >= (int)sizeof(last.text))
		memcpy(last.text + sizeof(last.text) - 4, "...", 4);
}

int beget__fail_errno(int error, const char *format, ...)
{
	char why[80];
	va_list ap;

	va_start(ap, format);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__trace_role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, format, ap);
	va_end(ap);
	size_t used = strlen(last.text);
	int k = snprintf(last.text + used, sizeof(last.text) - used, ": %s",
	                 beget__libc_error(error, why, sizeof(why)));
	cut(n + m + k);
	last.code = -error;
	beget__trace("failed: %s", last.text);
	return -error;
}

int beget__fail(int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__trace_role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, format, ap);
	va_end(ap);
	cut(n + m);
	last.code = -error;
	beget__trace("failed: %s", last.text);
	return -error;
}

int beget__fail_prefix(const char *where, ...)
{
	struct beget__failure inner = last;
	const char *text = inner.text;
	size_t role = strlen(beget__trace_role);
	va_list ap;

	if (strncmp(text, beget__trace_role, role) == 0 && strncmp(text + role, ": ", 2) == 0)
		text += role + 2;
	va_start(ap, where);
	int n = snprintf(last.text, sizeof(last.text), "%s: ", beget__trace_role);
	int m = vsnprintf(last.text + n, sizeof(last.text) - (size_t)n, where, ap);
	va_end(ap);
	size_t used = strlen(last.text);
	int k = snprintf(last.text + used, sizeof(last.text) - used, ": %s", text);
	cut(n + m + k);
	return last.code;
}

int beget__fail_again(const struct beget__failure *failure)
{
	last = *failure;
	last.text[sizeof(last.text) - 1] = '\0';
	return last.code;
}

const struct beget__failure *beget__fail_last(void)
{
	return &last;
}

const char *beget_error(void)
{
	return last.text;
}
