/* One call, on the side that makes it. */
#ifndef BEGET__EXCHANGE_H
#define BEGET__EXCHANGE_H

#include "message/message.h"
#include "message/order.h"
#include "os/arena.h"
#include "os/fd.h"

/* The steps are in the order of the functions below. A process can repeat them: the last one frees all that the others
 * made, and closes the descriptors that were arguments, so a target that keeps one has to duplicate it. In a process
 * that makes a single call the last step is left out, and the target's arguments live as long as the process. */
struct beget__exchange {
	struct beget__frame frame;
	struct beget__reader reader; /* over the frame's body */
	struct beget__fds fds;
	struct beget__order order;
	unsigned settled; /* arguments that are what the target gets */
	struct beget__identity
		*passed;           /* which open file each descriptor among them was, for a target that closes it */
	union beget__value result; /* of a call that was made */
	struct beget__arena arena; /* for all memory of the exchange but the frame's */
};

/* buffer: aligned, of BEGET__FRAME_PACKET bytes. */
void beget__exchange_init(struct beget__exchange *, char *buffer);

/* Waits for a frame of this kind: 1; 0: the other end is gone; else a negative errno and a sentence. */
int beget__exchange_receive(struct beget__exchange *, int channel, enum beget__message);

/* Reads target and arguments, which are what is left of the frame. */
int beget__exchange_read(struct beget__exchange *);

/* Finds the target, with the modules that it needs; functions are found, buffers mapped, and there is memory for what
 * the target returns through pointers. */
int beget__exchange_settle(struct beget__exchange *);

/* With fork, instead of these three: the call, whose arguments are bare, is in the memory that was copied. Memory for
 * what the target returns is not the caller's, which may be shared, and is zero, as with the other methods. */
int beget__exchange_inherit(struct beget__exchange *, const struct beget_call *);

int beget__exchange_call(struct beget__exchange *);

/* Whether anything comes back. */
bool beget__exchange_returns(const struct beget__exchange *);

/* Sends what the target returned, with the frame's tag. */
int beget__exchange_answer(const struct beget__exchange *, int channel);

void beget__exchange_end(struct beget__exchange *);

#endif
