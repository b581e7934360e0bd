/* Frames: a kind, a body of bytes and some descriptors, over a SOCK_SEQPACKET socket.
 *
 * A body up to BEGET__FRAME_INLINE bytes travels in packets, and sending it does not wait for the receiver. A larger
 * one is written into a sealed memory file that travels as one more descriptor and is mapped by the receiver; only
 * where no such file can be had does it travel in packets too, and the sender waits. Knows no message. */
#ifndef BEGET__FRAME_H
#define BEGET__FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define BEGET__FRAME_PACKET 8192 /* with its header */
#define BEGET__FRAME_ONE    8168 /* of a body, in one packet */
#define BEGET__FRAME_INLINE 65536
#define BEGET__FRAME_FDS    272 /* per frame: what a call may pass, and the library's own */

/* Sends one frame; the descriptors stay the caller's. -EPIPE or -ECONNRESET: the receiver is gone. -EMFILE: so many
 * descriptors of this user are on their way that there was no place for these for a second. */
int beget__frame_send(int socket, unsigned kind, const struct iovec *, int n, const int *fds, int nfds);

/* The same with a number that says what the frame is about; the others have zero. */
int beget__frame_send_tagged(int socket, unsigned kind, uint32_t tag, const struct iovec *, int n, const int *fds,
                             int nfds);

/* The body of a frame that may be sent more than once: bytes of at most BEGET__FRAME_ONE, or a sealed file. */
struct beget__packed {
	const char *bytes; /* NULL: in the file */
	size_t size;
	int file;
};

/* Such a file, or a negative errno. */
int beget__frame_pack(const struct iovec *, int n);

/* Sends it as a single packet and never waits: -EAGAIN where there is no room. */
int beget__frame_send_packed(int socket, unsigned kind, uint32_t tag, const struct beget__packed *, const int *fds,
                             int nfds);

/* Sends one small frame without descriptors and never waits, even where the other who sends on this socket has filled
 * it. */
int beget__frame_send_now(int socket, unsigned kind, const void *body, size_t size);

/* Sends one frame of a single packet, and waits for room for it no longer than timeout_ms: -ETIMEDOUT, or -EMFILE as
 * above. Whatever others who hold the same socket have made of its mode. */
int beget__frame_send_within(int socket, unsigned kind, const struct iovec *, int n, const int *fds, int nfds,
                             int timeout_ms);

/* A frame on its way in. Its buffer, of BEGET__FRAME_PACKET bytes, is the body's first home; between is another frame,
 * for sockets on which two processes send, or NULL. */
struct beget__frame {
	char *buffer;
	struct beget__frame *between;
	unsigned kind;
	uint32_t tag;
	bool started; /* the first packet is here, more are to come */
	char *body;
	size_t size, got;
	size_t room;  /* of body, where it was allocated */
	bool outside; /* body is a mapping */
	bool dropped; /* the kernel could not give us all descriptors */
	pid_t sender; /* of its first packet, where the socket asks for it; else 0 */
	int nfds, want_fds;
	int fds[BEGET__FRAME_FDS];
};

void beget__frame_init(struct beget__frame *, char *buffer, struct beget__frame *between);

/* Receives packets until the frame is whole: 1; the sender closed: 0; -EAGAIN with MSG_DONTWAIT in flags; 2 where
 * another sender's frame came between the packets of this one and is whole in *between, to be cleared after use;
 * -EBADMSG for what is no frame (its descriptors are closed), -EMFILE where a descriptor was dropped for want of
 * room in the table (the frame is whole but for that one and those behind it, which are -1). */
int beget__frame_receive(int socket, struct beget__frame *, int flags);

/* The i-th descriptor now belongs to the caller of this. */
int beget__frame_take(struct beget__frame *, int i);

/* Closes the descriptors not taken, frees the body; ready for the next frame. */
void beget__frame_clear(struct beget__frame *);

#endif
