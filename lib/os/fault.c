/* The hook through which tests make system calls and allocations fail. */
#include "os/fault.h"

int (*beget__fault_hook)(const char *call);
