/* Makes chosen system calls of the library fail, by the names that the library gives to beget__fault_hook: the n-th
 * call of a name, or every call of several names. Counts the failures. */
#ifndef FAULT_H
#define FAULT_H

#include "os/fault.h"

#include <string.h>

static struct {
	const char *calls; /* names, each between two spaces */
	int error;
	int at; /* 0: every call */
	int seen, hits;
} fault;

static inline int fault_ask(const char *call)
{
	char name[40] = " ";

	strncat(name, call, sizeof(name) - 3);
	strcat(name, " ");
	if (!strstr(fault.calls, name))
		return 0;
	fault.seen++;
	if (fault.at && fault.seen != fault.at)
		return 0;
	fault.hits++;
	return fault.error;
}

/* calls: " open " or " open dup " */
static inline void fault_nth(const char *calls, int n, int error)
{
	fault.calls = calls;
	fault.error = error;
	fault.at = n;
	fault.seen = fault.hits = 0;
	beget__fault_hook = fault_ask;
}

static inline void fault_every(const char *calls, int error)
{
	fault_nth(calls, 0, error);
}

/* Stops, and returns how many calls failed. */
static inline int fault_off(void)
{
	beget__fault_hook = NULL;
	return fault.hits;
}

#endif
