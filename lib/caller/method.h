/* A start method as the rest of the caller sees it: what it can carry, what it needs, and how it starts. */
#ifndef BEGET__METHOD_H
#define BEGET__METHOD_H

#include "message/request.h"

struct beget_process;
struct beget__plan;

struct beget__method {
	const char *name;      /* for error sentences */
	const char *place;     /* where the child runs, for beget_explain */
	bool shares_addresses; /* the child is a copy of the caller: it can use pointers, and functions without a
	                        * file */
	bool has_server;       /* a helper can create the child */
	bool has_watcher;      /* the helper kills tied children when the process that launched it ends */
	bool needs_one_thread;
	enum beget__spare spare; /* the kind of spare that a server keeps for it */
	int (*start)(const struct beget__plan *, struct beget_process *);
};

#endif
