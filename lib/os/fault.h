/* Failures that tests inject in place of system calls. */
#ifndef BEGET__FAULT_H
#define BEGET__FAULT_H

#include <errno.h>

/* If set, called with the name of each call before it is made. An errno makes the call fail; zero lets it pass. */
extern int (*beget__fault_hook)(const char *call);

/* Leaves the calling function with an injected failure. */
#define FAULT(call, ...)                                                                                               \
	do {                                                                                                           \
		int fault = beget__fault_hook ? beget__fault_hook(call) : 0;                                           \
		if (fault) {                                                                                           \
			errno = fault;                                                                                 \
			return __VA_ARGS__;                                                                            \
		}                                                                                                      \
	} while (0)

#endif
