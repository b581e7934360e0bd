/* One call, on the side that runs it. */
#ifndef BEGET__EXCHANGE_H
#define BEGET__EXCHANGE_H

#include "message/message.h"
#include "message/order.h"
#include "os/arena.h"
#include "os/fd.h"

/* The steps, in the order of the functions below. A process can repeat them: the last one frees what the others
 * allocated and closes the descriptors that were arguments, so a target that keeps one must duplicate it. A process
 * that runs a single call omits the last step, and its arguments live as long as the process. */
struct beget__exchange {
	struct beget__frame frame;
	struct beget__reader reader; /* over the body of the frame */
	struct beget__fds fds;
	struct beget__order order;
	unsigned settled; /* arguments that are ready to be passed */
	struct beget__identity
		*passed;           /* the identity of each descriptor among them, because the target may close it */
	union beget__value result; /* valid after the call */
	struct beget__arena arena; /* for all memory except the frame's */
};

/* buffer: BEGET__PACKET_SIZE bytes, aligned. */
void beget__exchange_init(struct beget__exchange *, char *buffer);

/* Waits for a frame of this kind: 1; 0: the other end was closed; else a negative errno and a sentence. */
int beget__exchange_receive(struct beget__exchange *, int channel, enum beget__message);

/* Reads target and arguments from the rest of the frame. */
int beget__exchange_read(struct beget__exchange *);

/* Loads the modules and finds the target, finds functions, maps buffers, and allocates memory for outputs. */
int beget__exchange_settle(struct beget__exchange *);

/* With fork, instead of the three functions above: the call, whose arguments are unboxed, is in the copied memory.
 * Outputs get memory of their own, zeroed as with the other methods, because the caller's may be shared. */
int beget__exchange_inherit(struct beget__exchange *, const struct beget_call *);

int beget__exchange_call(struct beget__exchange *);

/* True if a result or an output is sent back. */
bool beget__exchange_returns(const struct beget__exchange *);

/* Sends the result and the outputs, with the frame's tag. */
int beget__exchange_answer(const struct beget__exchange *, int channel);

void beget__exchange_end(struct beget__exchange *);

#endif
