/* Sends frames over a SOCK_SEQPACKET socket.
 * Runs in every process; knows no message. */
#include "wire/send.h"

#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/sock.h"
#include "wire/frame.h"

#include <errno.h>
#include <sys/socket.h>

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

/* The kernel limits the descriptors that a user has in flight to the number that a process may have open. The receiver
 * gets this time to take some. */
enum { CROWDED_MS = 1000 };

static int send_patiently(int socket, const struct beget__packet *header, const struct iovec *body, int n,
                          const int *fds, int nfds, int flags, int patience_ms)
{
	int64_t until = beget__clock_deadline(patience_ms);
	int error;

	while ((error = beget__packet_send(socket, header, body, n, fds, nfds, flags)) == -ETOOMANYREFS &&
	       beget__clock_left_ms(until) > 0)
		(void)beget__fd_poll(NULL, 0, 1);
	return error == -ETOOMANYREFS ? -EMFILE : error;
}

/* The rest of a frame cannot be sent: an empty packet makes the receiver drop what has arrived of it. */
static void abandon(int socket)
{
	struct beget__packet header = {.magic = BEGET__PACKET_MAGIC, .kind = BEGET__PACKET_MORE};
	struct iovec nothing = {0};

	(void)beget__packet_send(socket, &header, &nothing, 1, NULL, 0, 0);
}

/* payload: body bytes in the first packet. */
static int send_packets(int socket, struct beget__packet header, size_t payload, const struct iovec *iov, int n,
                        const int *fds, int nfds)
{
	struct cursor cursor = {iov, n, 0};
	struct iovec part[BEGET__PACKET_PIECES];
	bool begun = false;
	int error;

	do {
		int count = take(&cursor, payload, part, BEGET__PACKET_PIECES);
		int now = nfds < BEGET__PACKET_FDS ? nfds : BEGET__PACKET_FDS;
		error = send_patiently(socket, &header, part, count, fds, now, 0, CROWDED_MS);
		if (now > 0) /* NULL without descriptors */
			fds += now;
		nfds -= now;
		header = (struct beget__packet){.magic = BEGET__PACKET_MAGIC, .kind = BEGET__PACKET_MORE};
		payload = BEGET__PACKET_PAYLOAD;
		if (error && begun)
			abandon(socket);
		begun = true;
	} while (!error && (cursor.n > 0 || nfds > 0));
	return error;
}

int beget__send_pack(const struct iovec *iov, int n)
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

static int send_outside(int socket, struct beget__packet header, const struct iovec *iov, int n, const int *fds,
                        int nfds)
{
	int all[BEGET__FRAME_FDS];
	int file = beget__send_pack(iov, n);

	if (file < 0)
		return file;
	put_first(file, fds, nfds, all);
	header.flags = BEGET__PACKET_OUTSIDE;
	header.fds++;
	int error = send_packets(socket, header, BEGET__PACKET_PAYLOAD, NULL, 0, all, nfds + 1);
	beget__fd_close(&file);
	return error;
}

int beget__send_tagged(int socket, unsigned kind, uint32_t tag, const struct iovec *iov, int n, const int *fds,
                       int nfds)
{
	struct beget__packet header = {
		.magic = BEGET__PACKET_MAGIC, .kind = (uint16_t)kind, .fds = (uint32_t)nfds, .tag = tag};
	int error = -EMSGSIZE;

	if (nfds >= BEGET__FRAME_FDS)
		return -EMSGSIZE;
	for (int i = 0; i < n; i++)
		header.length += iov[i].iov_len;
	if (tag > 0 && header.length <= BEGET__PACKET_ONE)
		error = send_packets(socket, header, BEGET__PACKET_ONE, iov, n, fds, nfds);
	if (error == -EMSGSIZE && header.length > BEGET__FRAME_INLINE)
		error = send_outside(socket, header, iov, n, fds, nfds);
	if (!error || error == -EPIPE || error == -ECONNRESET)
		return error;
	return send_packets(socket, header, BEGET__PACKET_PAYLOAD, iov, n, fds, nfds);
}

int beget__send_frame(int socket, unsigned kind, const struct iovec *iov, int n, const int *fds, int nfds)
{
	return beget__send_tagged(socket, kind, 0, iov, n, fds, nfds);
}

int beget__send_packed(int socket, unsigned kind, uint32_t tag, const struct beget__packed *body, const int *fds,
                       int nfds)
{
	struct beget__packet header = {.magic = BEGET__PACKET_MAGIC,
	                               .kind = (uint16_t)kind,
	                               .fds = (uint32_t)nfds,
	                               .tag = tag,
	                               .length = body->size};
	struct iovec iov = {(void *)body->bytes, body->bytes ? body->size : 0};
	int all[BEGET__FRAME_FDS];

	if (iov.iov_len > BEGET__PACKET_ONE || nfds + !body->bytes > BEGET__PACKET_FDS)
		return -EMSGSIZE;
	if (!body->bytes) {
		put_first(body->file, fds, nfds, all);
		fds = all;
		nfds++;
		header.flags = BEGET__PACKET_OUTSIDE;
		header.fds++;
	}
	return beget__packet_send(socket, &header, &iov, 1, fds, nfds, MSG_DONTWAIT);
}

int beget__send_now(int socket, unsigned kind, const void *body, size_t size)
{
	struct beget__packet header = {.magic = BEGET__PACKET_MAGIC, .kind = (uint16_t)kind, .length = size};
	struct iovec iov = {(void *)body, size};

	if (size > BEGET__PACKET_PAYLOAD)
		return -EMSGSIZE;
	int error = beget__packet_send(socket, &header, &iov, 1, NULL, 0, MSG_DONTWAIT);
	if (error == -EAGAIN) {
		/* The receiver waits and another sender has filled its share: a larger buffer has room for us now. */
		beget__sock_widen(socket);
		error = beget__packet_send(socket, &header, &iov, 1, NULL, 0, MSG_DONTWAIT);
	}
	return error;
}

int beget__send_within(int socket, unsigned kind, const struct iovec *iov, int n, const int *fds, int nfds,
                       int timeout_ms)
{
	struct beget__packet header = {.magic = BEGET__PACKET_MAGIC, .kind = (uint16_t)kind, .fds = (uint32_t)nfds};
	int64_t deadline = beget__clock_deadline(timeout_ms);

	for (int i = 0; i < n; i++)
		header.length += iov[i].iov_len;
	if (header.length > BEGET__PACKET_PAYLOAD || n > BEGET__PACKET_PIECES || nfds > BEGET__PACKET_FDS)
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
