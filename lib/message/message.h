/* The kinds of messages. */
#ifndef BEGET__MESSAGE_H
#define BEGET__MESSAGE_H

/* Changes with any message: both ends are the same program, but libbeget.so may be replaced between their starts. */
#define BEGET__PROTOCOL 7u

enum beget__message {
	BEGET__START = 1, /* caller to helper: create a child on the descriptor that is attached */
	BEGET__RETIRE,    /* caller to helper: accept no more requests, exit when the last child has ended */
	BEGET__LEAVE,     /* caller to helper: leave the working directory, which children get with their call */
	BEGET__TIE,       /* caller to helper: tie this child, which was a spare, to the caller */
	BEGET__PRELOAD,   /* caller to helper, with a channel for the reply: load this library */
	BEGET__PREPARE,   /* the same: run the call that is sent over the channel */
	BEGET__READY,     /* the same: start serving */
	BEGET__ASK,       /* the same: report your status */
	BEGET__CALL,      /* caller to child: state, target, arguments */
	BEGET__TASK,      /* caller to worker: limit, target, arguments; the tag is the task's number */
	BEGET__GO,        /* caller to forked child: run the target */
	BEGET__MADE,      /* process of the helper to caller: it waits for its call and will create the child */
	BEGET__BORN,      /* child to caller, unless the caller created it: pid, and a pidfd if the kernel has them */
	BEGET__WAITS,     /* worker to caller: ready for the first task */
	BEGET__FAILED,    /* helper or child to caller: the failure record; from a worker with the task's tag */
	BEGET__RESULT,    /* child to caller; from a worker with the task's tag */
	BEGET__EXPIRED,   /* worker to caller: the limit of the task has expired, and the worker is about to die */
	BEGET__CRASHED,   /* child to caller: where a fatal signal occurred */
	BEGET__ENDED,     /* helper or monitor to caller: the child's fate as the kernel reported it */
	BEGET__HEALTH,    /* helper to caller, on the channel that came with the question */
	BEGET__SIGN,      /* child to caller: a sign; the tag says which */
};

#endif
