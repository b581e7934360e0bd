/* Making a helper ready, and asking it how it is. */
#ifndef BEGET__SETUP_H
#define BEGET__SETUP_H

#include "message/request.h"
#include "program/executable.h"

#include <beget.h>

/* What to do in a new helper before it serves: kept, because it may have to be done again in another. Zero is nothing.
 */
struct beget__setup {
	bool wanted;
	unsigned flags;
	int timeout_ms;                   /* negative: none */
	struct beget__executable program; /* that it is, if another than this one */
	char **preload;                   /* paths, then NULL */
	char *call;                       /* a CALL's target and arguments, and the descriptors among them */
	size_t call_size;
	int *fds;
	int nfds;
};

/* Copies what the user wants. */
int beget__setup_keep(const struct beget_server_options *, struct beget__setup *);
void beget__setup_close(struct beget__setup *); /* only the descriptors */
void beget__setup_free(struct beget__setup *);

/* Does it over the helper's control socket, and waits until it is done. */
int beget__setup_run(const struct beget__setup *, int control);

/* Asks the helper behind the control socket; -ETIMEDOUT if it does not answer. */
int beget__setup_health(int control, int timeout_ms, struct beget__health *ret);

#endif
