/* Failures that tests put in the place of a system call's. */
#ifndef BEGET__SYS_FAULT_H
#define BEGET__SYS_FAULT_H

#include "sys.h"

#include <errno.h>

/* Leaves the calling function with an injected failure. */
#define FAULT(call, ...)                                                                                               \
	do {                                                                                                           \
		int fault = beget__sys_fault ? beget__sys_fault(call) : 0;                                             \
		if (fault) {                                                                                           \
			errno = fault;                                                                                 \
			return __VA_ARGS__;                                                                            \
		}                                                                                                      \
	} while (0)

#endif
