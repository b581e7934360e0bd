/* What a pool needs of the processes that are its workers. */
#ifndef BEGET__PORT_H
#define BEGET__PORT_H

#include "caller/process.h"

/* From now on the process is a worker of that pool; bell wakes who waits for its answers. */
void beget__port_open(struct beget_process *, void *pool, int bell);

/* The handle is the user's: release frees the pool with it. */
void beget__port_give(struct beget_process *, void (*release)(void *pool));
void *beget__port_pool(const struct beget_process *);

/* The socket to the worker, for sending and polling; its pidfd, -1: not known yet, or none. */
int beget__port_socket(const struct beget_process *);
int beget__port_pidfd(struct beget_process *);

/* Hands all answers that have come to take, which returns false to stop; it may keep an inbox by making it NULL. What
 * else comes is the process's. False: nothing more will come. */
typedef bool beget__port_take(void *data, struct beget__inbox **, struct beget__frame *);
bool beget__port_receive(struct beget_process *, beget__port_take *, void *data);

/* It is known that it has ended: a handle of the user's can be joined by the user. */
bool beget__port_ended(struct beget_process *);

/* The worker finds the end of its channel. */
void beget__port_shut(struct beget_process *);

/* How it ended, in a failure record. */
struct beget__failure beget__port_failure(struct beget_process *);

#endif
