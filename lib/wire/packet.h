/* Packets: the pieces of a frame, each one message of a SOCK_SEQPACKET socket. */
#ifndef BEGET__PACKET_H
#define BEGET__PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The beginning of every packet. */
struct beget__packet {
	uint32_t magic;
	uint16_t kind;
	uint16_t flags;
	uint32_t fds;    /* in the first packet: those of the whole frame */
	uint32_t tag;    /* in the first packet */
	uint64_t length; /* in the first packet: of the whole body */
};

enum {
	BEGET__PACKET_MAGIC = 0x31676562,
	BEGET__PACKET_MORE = 0xffff, /* the kind of all packets but the first */
	BEGET__PACKET_OUTSIDE = 1,   /* a flag: the body is in a file, the first descriptor */
	BEGET__PACKET_FDS = 253,     /* the kernel's limit */
	BEGET__PACKET_PIECES = 16,
	BEGET__PACKET_SIZE = 8192,  /* including the header */
	BEGET__PACKET_WIDE = 73728, /* the same with a tag */
	BEGET__PACKET_PAYLOAD = BEGET__PACKET_SIZE - sizeof(struct beget__packet),
	BEGET__PACKET_ONE = BEGET__PACKET_WIDE - sizeof(struct beget__packet),
};

/* Sends one packet with at most BEGET__PACKET_PIECES pieces and BEGET__PACKET_FDS descriptors. */
int beget__packet_send(int socket, const struct beget__packet *, const struct iovec *, int n, const int *fds, int nfds,
                       int flags);

struct beget__arrival {
	struct beget__packet header;
	bool valid;     /* a packet of ours, and whole */
	size_t size;    /* of its part of the body */
	pid_t sender;   /* as the kernel reports it, if the socket asks for it; else 0 */
	bool truncated; /* the kernel could not pass all descriptors */
	int nfds;
	int fds[BEGET__PACKET_FDS]; /* they belong to the caller */
};

/* Receives one packet, its part of the body to data. 1; 0: end of file or an empty message; or a negative errno, and
 * *ret has no descriptors. */
int beget__packet_receive(int socket, char *data, size_t space, int flags, struct beget__arrival *ret);

#endif
