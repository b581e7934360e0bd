/* A call in the form of a message that can be sent more than once. */
#ifndef BEGET__PARCEL_H
#define BEGET__PARCEL_H

#include "caller/plan.h"

#include <beget.h>
#include <stdint.h>

/* Memory of freed parcels, for reuse. Zero is empty. */
struct beget__shelf {
	struct beget__board *first;
	size_t n;
};

struct beget__parcel {
	struct beget__shelf *shelf;
	char *bytes; /* NULL: in the file */
	size_t size;
	int file;
	int *fds; /* duplicates of the descriptors among the arguments */
	int nfds;
};

/* Copies the arguments, which the caller may change at once; buffers are shared. */
int beget__parcel_make(struct beget__parcel *, const struct beget__plan *, int limit_ms, struct beget__shelf *);

/* Sends it as this task's call; never waits. -EAGAIN: no room; -EPIPE: the worker has ended. */
int beget__parcel_send(struct beget__parcel *, int socket, uint32_t task);

void beget__parcel_free(struct beget__parcel *);
void beget__parcel_clear(struct beget__shelf *);

/* In a forked copy: closes its descriptors. */
void beget__parcel_release(const struct beget__parcel *);

#endif
