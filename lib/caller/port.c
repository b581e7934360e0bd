/* What pools and services need of their processes: channels, and the messages on them.
 * Runs in the caller, in any thread. */
#include "caller/port.h"

#include "caller/forks.h"
#include "caller/lease.h"
#include "caller/spare.h"
#include "caller/stash.h"
#include "caller/status.h"
#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <stdio.h>

void beget__port_open(struct beget_process *p, void *pool, int bell)
{
	p->channel.many = true;
	beget__stash_open(&p->stash, pool, bell);
}

void beget__port_give(struct beget_process *p, void (*release)(void *pool))
{
	p->stash.release = release;
}

void *beget__port_pool(const struct beget_process *p)
{
	return p->stash.pool;
}

int beget__port_socket(const struct beget_process *p)
{
	return p->channel.fd;
}

int beget__port_prepare(struct beget_server *s, int *watch)
{
	if (!s || s->connection.poll < 0)
		return 0;
	*watch = s->connection.poll;
	return beget__lease_prepare(&s->connection);
}

int beget__port_pidfd(struct beget_process *p)
{
	pthread_mutex_lock(&p->lock);
	int pidfd = p->pidfd;
	pthread_mutex_unlock(&p->lock);
	return pidfd;
}

/* The guard is held so that descriptors in the frame have an owner before a fork can copy them. */
static bool receive_one(struct beget_process *p, beget__port_take *take, void *data)
{
	struct beget__inbox *in;
	struct beget__frame *f;
	bool go_on;

	if (beget__stash_take(&p->stash, &in, &f)) {
		go_on = take(data, f);
		beget__inbox_free(&in);
		return go_on;
	}
	f = beget__channel_receive(&p->channel);
	if (!f)
		return false;
	if (!beget__stash_is_answer(f)) {
		beget__status_take(p, f);
		return true;
	}
	go_on = take(data, f);
	beget__frame_clear(f);
	return go_on;
}

bool beget__port_receive(struct beget_process *p, beget__port_take *take, void *data)
{
	pthread_mutex_lock(&p->lock);
	beget__forks_guard();
	while (receive_one(p, take, data))
		;
	beget__forks_unguard();
	bool open = !p->channel.closed || p->stash.first;
	pthread_mutex_unlock(&p->lock);
	return open;
}

struct beget__signs beget__port_look(struct beget_process *p)
{
	pthread_mutex_lock(&p->lock);
	beget__status_update(p);
	const struct beget__reports *r = &p->reports;
	struct beget__signs signs = {
		.born = p->pid > 0,
		.ready = r->ready,
		.listens = r->listens,
		.tired = r->tired,
		.ended = p->ended,
		.closed = p->channel.closed,
		.beats = r->beats,
	};
	pthread_mutex_unlock(&p->lock);
	return signs;
}

bool beget__port_ended(struct beget_process *p)
{
	pthread_mutex_lock(&p->lock);
	bool ended = p->ended;
	pthread_mutex_unlock(&p->lock);
	return ended;
}

void beget__port_shut(struct beget_process *p)
{
	if (p->channel.fd >= 0)
		beget__sock_shut(p->channel.fd);
}

struct beget__failure beget__port_failure(struct beget_process *p)
{
	struct beget__failure f = {.code = -ECONNRESET};

	if (p->reports.has_failure)
		return p->reports.failure;
	beget_describe(p, f.text, sizeof(f.text));
	return f;
}
