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
#include "wire/send.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* libc returns large blocks to the kernel, and the page faults of new ones cost more than the rest of a task. So large
 * parcels use blocks of one size, some of which are kept. */
enum { SMALL = 16 << 10, KEPT_MOST = 16 };

struct beget__board {
	struct beget__board *next;
};

static char *take_bytes(struct beget__shelf *s, size_t size)
{
	struct beget__board *first = s->first;

	if (size <= SMALL || !first)
		return beget__mem_alloc_unset(size <= SMALL ? size : BEGET__PACKET_ONE);
	s->first = first->next;
	s->n--;
	return (char *)first;
}

static void put_bytes(struct beget__shelf *s, char *bytes, size_t size)
{
	struct beget__board *first = (struct beget__board *)(void *)bytes;

	if (!bytes || size <= SMALL || s->n == KEPT_MOST) {
		free(bytes);
		return;
	}
	first->next = s->first;
	s->first = first;
	s->n++;
}

void beget__parcel_clear(struct beget__shelf *s)
{
	for (struct beget__board *b; (b = s->first);) {
		s->first = b->next;
		free(b);
	}
	s->n = 0;
}

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
	if (w->total <= BEGET__PACKET_ONE) {
		p->bytes = take_bytes(p->shelf, p->size);
		return p->bytes ? beget__bytes_copy(w, p->bytes) : -ENOMEM;
	}
	int n = beget__bytes_finish(w, &iov);
	p->file = n < 0 ? n : beget__send_pack(iov, n);
	return p->file < 0 ? p->file : 0;
}

int beget__parcel_make(struct beget__parcel *ret, const struct beget__plan *plan, int limit_ms,
                       struct beget__shelf *shelf)
{
	struct beget__parcel p = {.shelf = shelf, .file = -1};
	int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET_FDS_MAX - 1};
	struct beget__writer w = {0};

	beget__order_put_limit(&w, limit_ms);
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

static int send_parcel(const struct beget__parcel *p, int socket, uint32_t task)
{
	return beget__send_packed(socket, BEGET__TASK, task, &(struct beget__packed){p->bytes, p->size, p->file},
	                          p->fds, p->nfds);
}

/* The system limits the size of packets: moves the bytes to a file. */
static int move_out(struct beget__parcel *p)
{
	p->file = beget__send_pack(&(struct iovec){p->bytes, p->size}, 1);
	if (p->file < 0)
		return p->file;
	put_bytes(p->shelf, p->bytes, p->size);
	p->bytes = NULL;
	return 0;
}

int beget__parcel_send(struct beget__parcel *p, int socket, uint32_t task)
{
	int error = send_parcel(p, socket, task);

	if (error == -EMSGSIZE && p->bytes && (error = move_out(p)) == 0)
		error = send_parcel(p, socket, task);
	return error;
}

void beget__parcel_free(struct beget__parcel *p)
{
	for (int i = 0; i < p->nfds; i++)
		beget__fd_close(&p->fds[i]);
	free(p->fds);
	put_bytes(p->shelf, p->bytes, p->size);
	beget__fd_close(&p->file);
	*p = (struct beget__parcel){.file = -1};
}

void beget__parcel_release(const struct beget__parcel *p)
{
	for (int i = 0; i < p->nfds; i++)
		beget__fd_close_number(p->fds[i]);
	beget__fd_close_number(p->file);
}
