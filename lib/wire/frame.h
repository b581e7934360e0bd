/* Frames: a kind, a body of bytes and some descriptors, over a SOCK_SEQPACKET socket.
 *
 * A body of up to BEGET__FRAME_INLINE bytes is sent in packets, without waiting for the receiver. A larger body is
 * written to a sealed memory file, which is sent as one more descriptor and mapped by the receiver. Only if no such
 * file can be created is a large body sent in packets too, and then the sender waits. A sender that cannot send the
 * rest of a frame sends an empty packet, which makes the receiver drop it. Frames with a tag are those between a worker
 * and its pool, where there are many: they travel in wider packets. wire/send.h sends them. Knows no message. */
#ifndef BEGET__FRAME_H
#define BEGET__FRAME_H

#include "wire/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BEGET__FRAME_INLINE 65536 /* body bytes that need no file */
#define BEGET__FRAME_FDS    272   /* per frame: those that a call may pass, and some of the library's own */

/* An incoming frame. The body is received into the buffer and moved out if it is larger. For sockets with two senders,
 * between is the frame of the other sender; else NULL. */
struct beget__frame {
	char *buffer;
	size_t space; /* of the buffer: BEGET__PACKET_SIZE, or more to receive frames with tags */
	struct beget__frame *between;
	unsigned kind;
	uint32_t tag;
	bool started; /* the first packet has arrived, and more must come */
	char *body;
	size_t size, got;
	size_t room;  /* allocated size of body */
	bool outside; /* body is a mapping */
	bool dropped; /* the kernel could not pass all descriptors */
	pid_t sender; /* of the first packet, if the socket asks for it; else 0 */
	int nfds, want_fds;
	int fds[BEGET__FRAME_FDS];
};

void beget__frame_init(struct beget__frame *, char *buffer, struct beget__frame *between);

/* Receives packets until the frame is whole and returns 1. Other results: 0, the sender has closed; -EAGAIN, with
 * MSG_DONTWAIT in flags; 2, another sender's frame arrived between the packets of this one and is whole in *between, to
 * be cleared after use; -EBADMSG, not a frame (its descriptors are closed); -EMFILE, the descriptor table had no room
 * (the frame is whole, but the dropped descriptor and all later ones are -1). */
int beget__frame_receive(int socket, struct beget__frame *, int flags);

/* Copies the body if it has exactly this size; otherwise false, and *ret is unchanged. */
bool beget__frame_copy(const struct beget__frame *, void *ret, size_t size);

/* Returns the i-th descriptor, which belongs to the caller from then on. */
int beget__frame_take(struct beget__frame *, int i);

/* A body that outlives its frame. */
struct beget__body {
	char *at;      /* NULL: none */
	size_t mapped; /* the size of a mapping; 0: at was allocated */
};

/* Takes the body out of a frame whose buffer was allocated with malloc. If the body is in the buffer, that leaves the
 * frame too and becomes NULL there. f->body stays valid until the frame is cleared. */
void beget__frame_keep(struct beget__frame *, struct beget__body *ret);
void beget__frame_free(struct beget__body *);

/* Closes the descriptors that were not taken and frees the body; the frame can be used again. */
void beget__frame_clear(struct beget__frame *);

#endif
