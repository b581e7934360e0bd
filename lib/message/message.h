/* The kinds of messages. */
#ifndef BEGET__MESSAGE_H
#define BEGET__MESSAGE_H

/* Changes with any message. Both ends are one program, but their libbeget.so may be replaced between. */
#define BEGET__PROTOCOL 4u

enum beget__message {
	BEGET__START = 1, /* caller to helper: make a child on the descriptor that comes with it */
	BEGET__RETIRE,    /* caller to helper: serve no more, leave when the last child has ended */
	BEGET__TIE,       /* caller to helper: this child, once a spare, is tied to the caller */
	BEGET__PRELOAD,   /* caller to helper, with a channel for the answer: load this library */
	BEGET__PREPARE,   /* the same: make the call that comes over the channel */
	BEGET__READY,     /* the same: begin to serve */
	BEGET__ASK,       /* the same: tell how you are */
	BEGET__CALL,      /* caller to child: state, target, arguments */
	BEGET__TASK,      /* caller to worker: limit, target, arguments; its tag is the task's number */
	BEGET__GO,        /* caller to forked child: you may run */
	BEGET__BORN,      /* child of the helper to caller: pid, and a pidfd where there are such */
	BEGET__WAITS,     /* worker to caller: it is ready for its first task */
	BEGET__FAILED,    /* helper or child to caller: the failure record; from a worker with the tag of the task */
	BEGET__RESULT,    /* child to caller; from a worker with the tag of the task */
	BEGET__EXPIRED,   /* worker to caller: it is about to die, for the limit of the task has run out */
	BEGET__CRASHED,   /* child to caller: where a fatal signal struck */
	BEGET__ENDED,     /* helper to caller: how the kernel says it ended */
	BEGET__HEALTH,    /* helper to caller, on the channel that came with what it asked */
};

#endif
