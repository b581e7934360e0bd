/* A call in the form of a message: it may be sent to one worker, withdrawn, and sent to another. A call that fits one
 * packet is kept as bytes, a larger one as a sealed file, so that sending it never waits for the worker. Runs in the
 * caller. */
#include "pool/parcel.h"

#include "message/message.h"
#include "message/order.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int keep_fds(struct beget__parcel *p, const struct beget__fds *fds)
{
	if (fds->n == 0)
		return 0;
	p->fds = beget__mem_alloc((size_t)fds->n * sizeof(*p->fds));
	if (!p->fds)
		return -ENOMEM;
	for (; p->nfds < fds->n; p->nfds++) {
		int fd = beget__fd_dup(fds->fds[p->nfds]);
		if (fd < 0)
			return fd;
		p->fds[p->nfds] = fd;
	}
	return 0;
}

static int keep_bytes(struct beget__parcel *p, struct beget__writer *w)
{
	const struct iovec *iov = NULL;

	p->size = w->total;
	if (w->total <= BEGET__FRAME_ONE) {
		p->bytes = beget__bytes_flatten(w, &p->size);
		return p->bytes ? 0 : w->error ? w->error : -ENOMEM;
	}
	int n = beget__bytes_finish(w, &iov);
	p->file = n < 0 ? n : beget__frame_pack(iov, n);
	return p->file < 0 ? p->file : 0;
}

int beget__parcel_make(struct beget__parcel *ret, const struct beget__plan *plan, int limit_ms)
{
	struct beget__parcel p = {.file = -1};
	int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET_FDS_MAX - 1};
	struct beget__writer w = {0};

	beget__bytes_put_u32(&w, (uint32_t)limit_ms);
	beget__bytes_put_u32(&w, 0);
	int error = beget__order_put_call(&w, &plan->target, plan->call, &fds);
	if (!error)
		error = keep_bytes(&p, &w);
	if (!error)
		error = keep_fds(&p, &fds);
	beget__bytes_free(&w);
	if (error) {
		beget__parcel_free(&p);
		return beget__fail_errno(-error, "cannot write the call");
	}
	*ret = p;
	return 0;
}

int beget__parcel_send(const struct beget__parcel *p, int socket, uint32_t task)
{
	return beget__frame_send_packed(socket, BEGET__TASK, task, &(struct beget__packed){p->bytes, p->size, p->file},
	                                p->fds, p->nfds);
}

void beget__parcel_free(struct beget__parcel *p)
{
	for (int i = 0; i < p->nfds; i++)
		beget__fd_close(&p->fds[i]);
	free(p->fds);
	free(p->bytes);
	beget__fd_close(&p->file);
	*p = (struct beget__parcel){.file = -1};
}

void beget__parcel_release(const struct beget__parcel *p)
{
	for (int i = 0; i < p->nfds; i++)
		beget__fd_close_number(p->fds[i]);
	beget__fd_close_number(p->file);
}
