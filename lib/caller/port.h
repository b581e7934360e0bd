/* What pools and services need of their processes. */
#ifndef BEGET__PORT_H
#define BEGET__PORT_H

#include "caller/process.h"

/* Makes the process a worker of that pool; bell wakes the thread that waits for its answers. */
void beget__port_open(struct beget_process *, void *pool, int bell);

/* The user owns the handle: when it is freed, release frees the pool. */
void beget__port_give(struct beget_process *, void (*release)(void *pool));
void *beget__port_pool(const struct beget_process *);

/* The socket to the worker, for sending and polling; and its pidfd, or -1 if it is unknown or there is none. */
int beget__port_socket(const struct beget_process *);
int beget__port_pidfd(struct beget_process *);

/* Passes all answers that have arrived to take, which returns false to stop. Other messages are for the process itself.
 * False: no more messages can arrive. */
typedef bool beget__port_take(void *data, struct beget__frame *);
bool beget__port_receive(struct beget_process *, beget__port_take *, void *data);

/* Prepares a server that was opened without waiting as far as that needs no waiting. -EAGAIN: *watch is readable when
 * it goes on; 0: it is prepared, or a start will prepare it. */
int beget__port_prepare(struct beget_server *, int *watch);

/* What is known of a process so far. */
struct beget__signs {
	bool born, ready, listens, tired, ended;
	bool closed;    /* no more messages can arrive */
	unsigned beats; /* the number of signs received */
};
struct beget__signs beget__port_look(struct beget_process *);

/* True if the process is known to have ended. The user may have joined a handle that belongs to the user. */
bool beget__port_ended(struct beget_process *);

/* The worker reads the end of its channel. */
void beget__port_shut(struct beget_process *);

/* How it ended, as a failure record. */
struct beget__failure beget__port_failure(struct beget_process *);

#endif
