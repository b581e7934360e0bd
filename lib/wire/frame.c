/* Receives frames over a SOCK_SEQPACKET socket, with their descriptors, and checks them.
 * Runs in every process; knows no message. */
#include "wire/frame.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Moves the descriptors of a packet to the frame. If the kernel had no room for one, it and all later ones are missing.
 */
static int keep_fds(struct beget__frame *f, const struct beget__arrival *a)
{
	int left = f->want_fds - f->nfds;
	int most = left < BEGET__PACKET_FDS ? left : BEGET__PACKET_FDS;

	if (a->nfds > most)
		return -EBADMSG;
	for (int i = 0; i < (a->truncated ? most : a->nfds); i++) {
		/* The kernel uses the lowest free numbers, which may be those of closed standard streams. */
		int fd = i < a->nfds ? beget__fd_above_stdio(a->fds[i]) : -1;
		if (f->dropped)
			beget__fd_close(&fd);
		f->dropped |= fd < 0;
		f->fds[f->nfds++] = fd < 0 ? -1 : fd;
	}
	f->dropped |= a->truncated;
	return 0;
}

/* Enlarges the buffer, which is empty. */
static int widen(struct beget__frame *f, size_t size)
{
	char *more = size > f->space ? beget__mem_alloc_aligned(BEGET__PACKET_SIZE, size) : f->buffer;

	if (!more)
		return -ENOMEM;
	if (more != f->buffer) {
		free(f->buffer);
		f->space = size;
	}
	f->body = f->buffer = more;
	return 0;
}

/* A process that receives many frames reads the body into the buffer, because the page faults of a new mapping cost
 * more. */
static int open_outside(struct beget__frame *f)
{
	enum { READ_MOST = 4 << 20 };

	void *body;
	int error;

	if (f->space > BEGET__PACKET_SIZE && f->size <= READ_MOST) {
		error = widen(f, f->size);
		f->outside = false;
		return error ? error : beget__file_read(f->fds[0], f->body, f->size);
	}
	error = beget__file_map_given(f->fds[0], f->size, &body);
	if (!error)
		f->body = body;
	return error;
}

static int take_outside(struct beget__frame *f)
{
	if (f->fds[0] < 0) {
		f->size = 0;
		f->outside = false;
		return -EMFILE;
	}
	int error = open_outside(f);
	if (error)
		return error == -ENOMEM || error == -EAGAIN ? -ENOMEM : -EBADMSG;
	beget__fd_close(&f->fds[0]);
	memmove(f->fds, f->fds + 1, (size_t)(f->nfds - 1) * sizeof(int));
	f->nfds--;
	f->want_fds--;
	f->got = f->size;
	return 0;
}

/* Makes room for the next n bytes of the body. It grows with what arrives, never by what a header claims. */
static int make_room(struct beget__frame *f, size_t n)
{
	if (f->got + n <= f->room)
		return 0;
	size_t room = f->size <= BEGET__FRAME_INLINE ? f->size : 2 * (f->got + n);
	char *more = beget__mem_alloc_aligned(BEGET__PACKET_SIZE, room);
	if (!more)
		return -ENOMEM;
	if (f->got)
		memcpy(more, f->body, f->got);
	if (f->room)
		free(f->body);
	f->body = more;
	f->room = room;
	return 0;
}

static int first_packet(struct beget__frame *f, const struct beget__arrival *a)
{
	const struct beget__packet *header = &a->header;

	f->kind = header->kind;
	f->tag = header->tag;
	f->sender = a->sender;
	f->outside = header->flags == BEGET__PACKET_OUTSIDE;
	f->want_fds = (int)header->fds;
	f->size = (size_t)header->length;
	if (header->kind == BEGET__PACKET_MORE || header->flags > BEGET__PACKET_OUTSIDE ||
	    header->fds > BEGET__FRAME_FDS || header->length > SIZE_MAX / 4 || a->size > header->length ||
	    (f->outside && (a->size > 0 || header->fds == 0 || header->length == 0)))
		return -EBADMSG;
	f->started = true;
	f->got = a->size;
	f->body = f->buffer; /* still in the buffer where it was received */
	return 0;
}

static int next_packet(struct beget__frame *f, const struct beget__arrival *a, const char *data)
{
	const struct beget__packet *header = &a->header;

	if (header->kind != BEGET__PACKET_MORE || header->flags || header->length || header->fds || header->tag ||
	    a->size > f->size - f->got ||
	    (f->outside && a->size > 0)) /* a body is in a file or in packets: beget__frame_clear must know which */
		return -EBADMSG;
	if (a->size == 0) /* without descriptors, the sender could not send the rest */
		return a->nfds > 0 || a->truncated ? 0 : -EBADMSG;
	int error = make_room(f, a->size);
	if (error)
		return error;
	memcpy(f->body + f->got, data, a->size);
	f->got += a->size;
	return 0;
}

/* 1: the frame is whole; 0: more packets must come. */
static int complete(struct beget__frame *f)
{
	if (f->nfds < f->want_fds || (!f->outside && f->got < f->size))
		return 0;
	if (f->outside) {
		int error = take_outside(f);
		if (error)
			return error;
	}
	f->started = false;
	return f->dropped ? -EMFILE : 1;
}

/* A packet from another sender while a frame is incomplete: it begins or continues the frame between, or the first
 * sender has died and its frame is dropped. */
static struct beget__frame *another(struct beget__frame *f, const char *data, size_t n)
{
	struct beget__frame *other = f->between ? f->between : f;

	beget__frame_clear(other);
	memcpy(other->buffer, data, n);
	return other;
}

void beget__frame_init(struct beget__frame *f, char *buffer, struct beget__frame *between)
{
	memset(f, 0, offsetof(struct beget__frame, fds));
	f->buffer = buffer;
	f->space = BEGET__PACKET_SIZE;
	f->between = between;
}

static void close_fds(struct beget__arrival *a)
{
	for (int i = 0; i < a->nfds; i++)
		beget__fd_close(&a->fds[i]);
}

/* An empty read means end of file only if no packet is left: the kernel looks for a packet first and for the end
 * second, and reports the end even if packets arrived in between. A hostile sender can also write an empty packet with
 * descriptors. */
enum { GOES_ON = 3 };
static int received_nothing(int socket, struct beget__arrival *a)
{
	struct pollfd state = {.fd = socket, .events = POLLRDHUP};

	close_fds(a);
	if (a->nfds > 0 || beget__fd_poll(&state, 1, 0) == 0)
		return -EBADMSG;
	int unread = (int)beget__sock_unread(socket);
	return unread > 0 ? GOES_ON : unread;
}

/* Returns what complete does, or a negative errno. */
static int add_packet(struct beget__frame *f, struct beget__arrival *a, const char *data)
{
	int error = !a->valid ? -EBADMSG : f->started ? next_packet(f, a, data) : first_packet(f, a);

	if (!error)
		error = keep_fds(f, a);
	if (!error)
		return complete(f);
	close_fds(a);
	return error;
}

/* Receives one packet; data has space for its part of the body. Returns what beget__frame_receive returns, or
 * GOES_ON. */
static int receive_packet(int socket, struct beget__frame *f, char *data, size_t space, int flags)
{
	struct beget__arrival a;
	int got = beget__packet_receive(socket, data, space, flags, &a);

	if (got <= 0)
		return got < 0 ? got : received_nothing(socket, &a);
	bool other = f->started && a.valid && a.header.kind != BEGET__PACKET_MORE;
	struct beget__frame *to = other ? another(f, data, a.size) : f;
	got = add_packet(to, &a, data);
	if (to == f)
		return got ? got : GOES_ON;
	if (got == 1 || got == -EMFILE) /* it must be complete */
		return 2;
	beget__frame_clear(to);
	return GOES_ON;
}

/* A stack frame of its own, because its buffer is seldom needed. */
__attribute__((noinline)) static int receive_later_packet(int socket, struct beget__frame *f, int flags)
{
	char later[BEGET__PACKET_PAYLOAD];

	return receive_packet(socket, f, later, sizeof(later), flags);
}

int beget__frame_receive(int socket, struct beget__frame *f, int flags)
{
	int got;

	/* The body of the first packet is received in place; only later packets are copied. */
	do
		got = f->started ? receive_later_packet(socket, f, flags)
		                 : receive_packet(socket, f, f->buffer, f->space - sizeof(struct beget__packet), flags);
	while (got == GOES_ON);
	return got;
}

bool beget__frame_copy(const struct beget__frame *f, void *ret, size_t size)
{
	if (f->size != size)
		return false;
	memcpy(ret, f->body, size);
	return true;
}

int beget__frame_take(struct beget__frame *f, int i)
{
	int fd = f->fds[i];

	f->fds[i] = -1;
	return fd;
}

/* Shrinks the buffer to the body; if that fails, the body stays as it is. */
void beget__frame_keep(struct beget__frame *f, struct beget__body *ret)
{
	char *less = f->outside ? NULL : realloc(f->body, f->size ? f->size : 1);

	if (f->body == f->buffer)
		f->buffer = NULL;
	if (less)
		f->body = less;
	*ret = (struct beget__body){f->body, f->outside ? f->size : 0};
	f->outside = false;
	f->room = 0;
}

void beget__frame_free(struct beget__body *b)
{
	if (b->mapped)
		beget__file_unmap(b->at, b->mapped);
	else
		free(b->at);
	*b = (struct beget__body){0};
}

void beget__frame_clear(struct beget__frame *f)
{
	for (int i = 0; i < f->nfds; i++)
		beget__fd_close(&f->fds[i]);
	if (f->outside && f->body && f->got == f->size)
		beget__file_unmap(f->body, f->size);
	else if (f->room)
		free(f->body);
	f->body = NULL;
	f->room = f->size = f->got = 0;
	f->nfds = f->want_fds = 0;
	f->started = f->outside = f->dropped = false;
}
