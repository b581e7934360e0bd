/* Frames over a SOCK_SEQPACKET socket: sends and receives one frame with its descriptors, and checks it.
 * Runs in every process; knows no message. */
#include "wire/frame.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MAGIC = 0x31676562, MORE = 0xffff, OUTSIDE = 1, FDS_PER_PACKET = 253 };

/* The beginning of every packet. */
struct header {
	uint32_t magic;
	uint16_t kind;
	uint16_t flags;
	uint32_t fds;    /* in the first packet: those of the whole frame */
	uint32_t tag;    /* in the first packet */
	uint64_t length; /* in the first packet: of the whole body */
};

enum { PAYLOAD = BEGET__FRAME_PACKET - sizeof(struct header) };
_Static_assert(BEGET__FRAME_WIDE - sizeof(struct header) == BEGET__FRAME_ONE, "what one packet carries");

/* Iterates over an iovec without changing it. */
struct cursor {
	const struct iovec *iov;
	int n;
	size_t skip; /* of *iov */
};

static int take(struct cursor *c, size_t want, struct iovec *ret, int most)
{
	int n = 0;

	while (want > 0 && c->n > 0 && n < most) {
		size_t left = c->iov->iov_len - c->skip;
		size_t size = left < want ? left : want;
		ret[n++] = (struct iovec){(char *)c->iov->iov_base + c->skip, size};
		want -= size;
		c->skip += size;
		if (c->skip == c->iov->iov_len) {
			c->iov++;
			c->n--;
			c->skip = 0;
		}
	}
	return n;
}

static int send_packet(int socket, const struct header *header, const struct iovec *body, int n, const int *fds,
                       int nfds, int flags)
{
	union {
		char room[CMSG_SPACE(FDS_PER_PACKET * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[17];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n + 1};

	iov[0] = (struct iovec){(void *)header, sizeof(*header)};
	memcpy(iov + 1, body, (size_t)n * sizeof(*body));
	if (nfds > 0) {
		message.msg_control = control.room;
		message.msg_controllen = (socklen_t)CMSG_SPACE((size_t)nfds * sizeof(int));
		memset(control.room, 0, message.msg_controllen);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	ssize_t sent = beget__sock_send(socket, &message, flags);
	return sent < 0 ? (int)sent : 0;
}

/* The kernel limits the descriptors that a user has in flight to the number that a process may have open. The receiver
 * gets this time to take some. */
enum { CROWDED_MS = 1000 };

static int send_patiently(int socket, const struct header *header, const struct iovec *body, int n, const int *fds,
                          int nfds, int flags, int patience_ms)
{
	int64_t until = beget__clock_deadline(patience_ms);
	int error;

	while ((error = send_packet(socket, header, body, n, fds, nfds, flags)) == -ETOOMANYREFS &&
	       beget__clock_left_ms(until) > 0)
		(void)beget__fd_poll(NULL, 0, 1);
	return error == -ETOOMANYREFS ? -EMFILE : error;
}

/* payload: body bytes in the first packet. */
static int send_packets(int socket, struct header header, size_t payload, const struct iovec *iov, int n,
                        const int *fds, int nfds)
{
	struct cursor cursor = {iov, n, 0};
	struct iovec part[16];
	int error;

	do {
		int count = take(&cursor, payload, part, 16);
		int now = nfds < FDS_PER_PACKET ? nfds : FDS_PER_PACKET;
		error = send_patiently(socket, &header, part, count, fds, now, 0, CROWDED_MS);
		if (now > 0) /* NULL without descriptors */
			fds += now;
		nfds -= now;
		header = (struct header){.magic = MAGIC, .kind = MORE};
		payload = PAYLOAD;
	} while (!error && (cursor.n > 0 || nfds > 0));
	return error;
}

int beget__frame_pack(const struct iovec *iov, int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += iov[i].iov_len;
	int file = beget__file_create(size);
	int error = file < 0 ? file : beget__file_write(file, iov, n);
	if (error) {
		beget__fd_close(&file);
		return error;
	}
	beget__file_seal(file);
	return file;
}

/* Puts the file with the body before the caller's descriptors. */
static void put_first(int file, const int *fds, int nfds, int *all)
{
	all[0] = file;
	for (int i = 0; i < nfds; i++)
		all[i + 1] = fds[i];
}

static int send_outside(int socket, struct header header, const struct iovec *iov, int n, const int *fds, int nfds)
{
	int all[BEGET__FRAME_FDS];
	int file = beget__frame_pack(iov, n);

	if (file < 0)
		return file;
	put_first(file, fds, nfds, all);
	header.flags = OUTSIDE;
	header.fds++;
	int error = send_packets(socket, header, PAYLOAD, NULL, 0, all, nfds + 1);
	beget__fd_close(&file);
	return error;
}

int beget__frame_send_tagged(int socket, unsigned kind, uint32_t tag, const struct iovec *iov, int n, const int *fds,
                             int nfds)
{
	struct header header = {.magic = MAGIC, .kind = (uint16_t)kind, .fds = (uint32_t)nfds, .tag = tag};
	int error = -EMSGSIZE;

	if (nfds >= BEGET__FRAME_FDS)
		return -EMSGSIZE;
	for (int i = 0; i < n; i++)
		header.length += iov[i].iov_len;
	if (tag > 0 && header.length <= BEGET__FRAME_ONE)
		error = send_packets(socket, header, BEGET__FRAME_ONE, iov, n, fds, nfds);
	if (error == -EMSGSIZE && header.length > BEGET__FRAME_INLINE)
		error = send_outside(socket, header, iov, n, fds, nfds);
	if (!error || error == -EPIPE || error == -ECONNRESET)
		return error;
	return send_packets(socket, header, PAYLOAD, iov, n, fds, nfds);
}

int beget__frame_send(int socket, unsigned kind, const struct iovec *iov, int n, const int *fds, int nfds)
{
	return beget__frame_send_tagged(socket, kind, 0, iov, n, fds, nfds);
}

int beget__frame_send_packed(int socket, unsigned kind, uint32_t tag, const struct beget__packed *body, const int *fds,
                             int nfds)
{
	struct header header = {
		.magic = MAGIC, .kind = (uint16_t)kind, .fds = (uint32_t)nfds, .tag = tag, .length = body->size};
	struct iovec iov = {(void *)body->bytes, body->bytes ? body->size : 0};
	int all[BEGET__FRAME_FDS];

	if (iov.iov_len > BEGET__FRAME_ONE || nfds + !body->bytes > FDS_PER_PACKET)
		return -EMSGSIZE;
	if (!body->bytes) {
		put_first(body->file, fds, nfds, all);
		fds = all;
		nfds++;
		header.flags = OUTSIDE;
		header.fds++;
	}
	return send_packet(socket, &header, &iov, 1, fds, nfds, MSG_DONTWAIT);
}

int beget__frame_send_now(int socket, unsigned kind, const void *body, size_t size)
{
	struct header header = {.magic = MAGIC, .kind = (uint16_t)kind, .length = size};
	struct iovec iov = {(void *)body, size};

	if (size > PAYLOAD)
		return -EMSGSIZE;
	int error = send_packet(socket, &header, &iov, 1, NULL, 0, MSG_DONTWAIT);
	if (error == -EAGAIN) {
		/* The receiver waits and another sender has filled its share: a larger buffer has room for us now. */
		beget__sock_widen(socket);
		error = send_packet(socket, &header, &iov, 1, NULL, 0, MSG_DONTWAIT);
	}
	return error;
}

int beget__frame_send_within(int socket, unsigned kind, const struct iovec *iov, int n, const int *fds, int nfds,
                             int timeout_ms)
{
	struct header header = {.magic = MAGIC, .kind = (uint16_t)kind, .fds = (uint32_t)nfds};
	int64_t deadline = beget__clock_deadline(timeout_ms);

	for (int i = 0; i < n; i++)
		header.length += iov[i].iov_len;
	if (header.length > PAYLOAD || n > 16 || nfds > FDS_PER_PACKET)
		return -EMSGSIZE;
	for (;;) {
		int left = beget__clock_left_ms(deadline);
		int patience = left < 0 || left > CROWDED_MS ? CROWDED_MS : left;
		int error = send_patiently(socket, &header, iov, n, fds, nfds, MSG_DONTWAIT, patience);
		if (error != -EAGAIN)
			return error;
		if ((left = beget__clock_left_ms(deadline)) == 0)
			return -ETIMEDOUT;
		struct pollfd room = {.fd = socket, .events = POLLOUT};
		(void)beget__fd_poll(&room, 1, left);
	}
}

/* The sender of a packet as reported by the kernel, if the socket asks for it. */
static pid_t sender_of(struct msghdr *message)
{
	struct ucred sender = {0};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	return sender.pid;
}

/* The descriptors that came with a packet: at most FDS_PER_PACKET, so they fit. */
static int unpack_fds(struct msghdr *message, int *fds)
{
	int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
		count += (int)n;
	}
	return count;
}

/* Moves them to the frame. If the kernel had no room for a descriptor, it and all later ones are missing. */
static int keep_fds(struct beget__frame *f, int *fds, int n, bool truncated)
{
	int left = f->want_fds - f->nfds;
	int most = left < FDS_PER_PACKET ? left : FDS_PER_PACKET;

	if (n > most)
		return -EBADMSG;
	for (int i = 0; i < (truncated ? most : n); i++) {
		/* The kernel uses the lowest free numbers, which may be those of closed standard streams. */
		int fd = i < n ? beget__fd_above_stdio(fds[i]) : -1;
		if (f->dropped)
			beget__fd_close(&fd);
		f->dropped |= fd < 0;
		f->fds[f->nfds++] = fd < 0 ? -1 : fd;
	}
	f->dropped |= truncated;
	return 0;
}

/* Enlarges the buffer, which is empty. */
static int widen(struct beget__frame *f, size_t size)
{
	char *more = size > f->space ? beget__mem_alloc_aligned(BEGET__FRAME_PACKET, size) : f->buffer;

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

	if (f->space > BEGET__FRAME_PACKET && f->size <= READ_MOST) {
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
	char *more = beget__mem_alloc_aligned(BEGET__FRAME_PACKET, room);
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

static int first_packet(struct beget__frame *f, const struct header *header, size_t n)
{
	f->kind = header->kind;
	f->tag = header->tag;
	f->outside = header->flags == OUTSIDE;
	f->want_fds = (int)header->fds;
	f->size = (size_t)header->length;
	if (header->kind == MORE || header->flags > OUTSIDE || header->fds > BEGET__FRAME_FDS ||
	    header->length > SIZE_MAX / 4 || n > header->length ||
	    (f->outside && (n > 0 || header->fds == 0 || header->length == 0)))
		return -EBADMSG;
	f->started = true;
	f->got = n;
	f->body = f->buffer; /* still in the buffer where it was received */
	return 0;
}

static int next_packet(struct beget__frame *f, const struct header *header, const char *data, size_t n)
{
	if (header->kind != MORE || header->flags || header->length || header->fds || header->tag ||
	    n > f->size - f->got ||
	    (f->outside && n > 0)) /* a body is either in a file or in packets, because frame_clear must know which */
		return -EBADMSG;
	if (n == 0)
		return 0;
	int error = make_room(f, n);
	if (error)
		return error;
	memcpy(f->body + f->got, data, n);
	f->got += n;
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
	f->space = BEGET__FRAME_PACKET;
	f->between = between;
}

/* An empty read means end of file only if no packet is left: the kernel looks for a packet first and for the end
 * second, and reports the end even if packets arrived in between. A hostile sender can also write an empty packet with
 * descriptors. */
enum { GOES_ON = 3 };
static int received_nothing(int socket, int *fds, int nfds)
{
	struct pollfd state = {.fd = socket, .events = POLLRDHUP};

	for (int i = 0; i < nfds; i++)
		beget__fd_close(&fds[i]);
	if (nfds > 0 || beget__fd_poll(&state, 1, 0) == 0)
		return -EBADMSG;
	int unread = (int)beget__sock_unread(socket);
	return unread > 0 ? GOES_ON : unread;
}

/* Receives one packet; data has space for its part of the body. Returns what beget__frame_receive returns, or
 * GOES_ON. */
static int receive_packet(int socket, struct beget__frame *f, char *data, size_t space, int flags)
{
	union {
		char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_PER_PACKET * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct header header;
	struct iovec iov[2] = {{&header, sizeof(header)}, {data, space}};
	struct msghdr message = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t got = beget__sock_receive(socket, &message, flags);
	if (got < 0)
		return (int)got;
	int fds[FDS_PER_PACKET], nfds = unpack_fds(&message, fds);
	if (got == 0)
		return received_nothing(socket, fds, nfds);
	bool truncated = message.msg_flags & MSG_CTRUNC;
	struct beget__frame *to = f;
	int error = -EBADMSG;
	if ((size_t)got >= sizeof(header) && header.magic == MAGIC && !(message.msg_flags & MSG_TRUNC)) {
		size_t n = (size_t)got - sizeof(header);
		if (f->started && header.kind != MORE)
			to = another(f, data, n);
		if (!to->started)
			to->sender = sender_of(&message);
		error = !to->started                        ? first_packet(to, &header, n)
		        : n == 0 && nfds == 0 && !truncated ? -EBADMSG
		                                            : next_packet(to, &header, data, n);
	}
	if (!error)
		error = keep_fds(to, fds, nfds, truncated);
	if (error)
		for (int i = 0; i < nfds; i++)
			beget__fd_close(&fds[i]);
	else
		error = complete(to);
	if (to == f)
		return error ? error : GOES_ON;
	if (error == 1 || error == -EMFILE) /* it must be complete */
		return 2;
	beget__frame_clear(to);
	return GOES_ON;
}

/* A stack frame of its own, because its buffer is seldom needed. */
__attribute__((noinline)) static int receive_later_packet(int socket, struct beget__frame *f, int flags)
{
	char later[PAYLOAD];

	return receive_packet(socket, f, later, sizeof(later), flags);
}

int beget__frame_receive(int socket, struct beget__frame *f, int flags)
{
	int got;

	/* The body of the first packet is received in place; only later packets are copied. */
	do
		got = f->started ? receive_later_packet(socket, f, flags)
		                 : receive_packet(socket, f, f->buffer, f->space - sizeof(struct header), flags);
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
