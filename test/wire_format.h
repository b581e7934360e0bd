/* The wire format of lib/wire/packet.h, repeated here so that tests can build valid and broken packets by hand. */
#ifndef WIRE_FORMAT_H
#define WIRE_FORMAT_H

#include "wire/frame.h"

enum { MAGIC = 0x31676562, MORE = 0xffff, OUTSIDE = 1 };
struct header {
	uint32_t magic;
	uint16_t kind;
	uint16_t flags;
	uint32_t fds;
	uint32_t tag;
	uint64_t length;
};
enum { PAYLOAD = BEGET__PACKET_SIZE - sizeof(struct header) };

#endif
