/* Sending frames (wire/frame.h). */
#ifndef BEGET__SEND_H
#define BEGET__SEND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Sends one frame; the descriptors stay the caller's. -EPIPE or -ECONNRESET: the receiver has closed. -EMFILE: for a
 * second, this user has had too many descriptors in flight. */
int beget__send_frame(int socket, unsigned kind, const struct iovec *, int n, const int *fds, int nfds);

/* The same with a tag that identifies the subject of the frame; the tag of other frames is zero. A body of up to
 * BEGET__PACKET_ONE bytes is sent in one packet if the socket permits it. */
int beget__send_tagged(int socket, unsigned kind, uint32_t tag, const struct iovec *, int n, const int *fds, int nfds);

/* The body of a frame that may be sent more than once: at most BEGET__PACKET_ONE bytes, or a sealed file. */
struct beget__packed {
	const char *bytes; /* NULL: the body is in the file */
	size_t size;
	int file;
};

/* Returns such a file, or a negative errno. */
int beget__send_pack(const struct iovec *, int n);

/* Sends it as a single packet and never waits. -EAGAIN: no room. -EMSGSIZE: the socket never has room for it. */
int beget__send_packed(int socket, unsigned kind, uint32_t tag, const struct beget__packed *, const int *fds, int nfds);

/* Sends one small frame without descriptors and never waits, even if another sender has filled this socket. */
int beget__send_now(int socket, unsigned kind, const void *body, size_t size);

/* Sends one frame of a single packet and waits at most timeout_ms for room: -ETIMEDOUT, or -EMFILE as above. It does
 * not depend on O_NONBLOCK, which other holders of the socket may have set. */
int beget__send_within(int socket, unsigned kind, const struct iovec *, int n, const int *fds, int nfds,
                       int timeout_ms);

#endif
