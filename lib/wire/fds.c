/* Descriptors that are sent with a message, whose bytes refer to them by index.
 * Runs in every process. */
#include "wire/fds.h"

#include <errno.h>

int beget__fds_put(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	if (fds->n == fds->room)
		return -EMSGSIZE;
	beget__bytes_put_u32(w, (uint32_t)fds->n);
	fds->fds[fds->n++] = fd;
	return 0;
}

int beget__fds_get(struct beget__reader *r, struct beget__fds *fds, bool take)
{
	uint32_t i = beget__bytes_get_u32(r);

	if (r->bad || !fds || i >= (uint32_t)fds->n) {
		r->bad = true;
		return -EBADMSG;
	}
	int fd = fds->fds[i];
	if (take)
		fds->fds[i] = -1;
	return fd < 0 ? -EMFILE : fd;
}
