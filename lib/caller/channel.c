/* The caller's end of the socket to one child: opening, sending, receiving, closing.
 * Runs in the caller, in any thread. Never waits to receive. Knows no message and no process. */
#include "caller/channel.h"

#include "os/fd.h"
#include "os/sock.h"
#include "wire/send.h"

#include <errno.h>
#include <unistd.h>

void beget__channel_init(struct beget__channel *c)
{
	*c = (struct beget__channel){.fd = -1, .far = -1, .reserve = -1};
}

int beget__channel_open(struct beget__channel *c)
{
	int pair[2];
	int error = beget__sock_pair(pair);

	if (!error) {
		c->fd = pair[0];
		c->far = pair[1];
	}
	return error;
}

int beget__channel_reserve(struct beget__channel *c)
{
	int fd = beget__fd_dup(c->fd);

	c->reserve = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

void beget__channel_close(struct beget__channel *c)
{
	beget__fd_close(&c->fd);
	beget__fd_close(&c->far);
	beget__fd_close(&c->reserve);
	beget__inbox_free(&c->in);
	c->closed = c->unread = false;
}

void beget__channel_close_far(struct beget__channel *c)
{
	beget__fd_close(&c->far);
}

/* Does not write to the channel: in a forked copy, each page that is written to is copied first. */
void beget__channel_release(const struct beget__channel *c, bool for_child)
{
	beget__fd_close_number(c->fd);
	beget__fd_close_number(c->reserve);
	if (!for_child)
		beget__fd_close_number(c->far);
}

int beget__channel_send(struct beget__channel *c, unsigned kind, const struct iovec *iov, int n, const int *fds,
                        int nfds)
{
	int error = beget__send_frame(c->fd, kind, iov, n, fds, nfds);

	if (error != -EPIPE && error != -ECONNRESET)
		return error;
	c->unread = true;
	return 0;
}

/* False also if nothing more can come: a child that sends nothing before its end needs no inbox. */
static bool has_news(struct beget__channel *c)
{
	struct pollfd ready = {.fd = c->fd, .events = POLLIN};

	if (beget__fd_poll(&ready, 1, 0) <= 0)
		return false;
	c->closed = (ready.revents & POLLHUP) && !(ready.revents & POLLERR) && beget__sock_unread(c->fd) == 0;
	return !c->closed;
}

/* The reserved number is kept, and the inbox is not allocated, until there is something to receive. */
static bool ready(struct beget__channel *c)
{
	if ((!c->in || c->reserve >= 0) && !has_news(c))
		return false;
	if (!c->in)
		c->in = beget__inbox_new();
	if (!c->in || !beget__inbox_refill(c->in, c->many ? BEGET__PACKET_WIDE : BEGET__PACKET_SIZE))
		return false; /* no memory: the next call tries again */
	beget__fd_close(&c->reserve);
	return true;
}

struct beget__frame *beget__channel_receive(struct beget__channel *c)
{
	while (!c->closed && ready(c)) {
		int got = beget__frame_receive(c->fd, &c->in->frame, MSG_DONTWAIT);
		switch (got) {
		case 1: return &c->in->frame;
		case 2: return &c->in->between;
		case -EMFILE: return &c->in->frame; /* complete, except for descriptors that were lost */
		case -EAGAIN: return NULL;
		/* Reported once, before the messages that are still queued. */
		case -ECONNRESET: c->unread = true; continue;
		}
		/* Not a message: ignore the channel, the kernel reports the child's end. */
		beget__frame_clear(&c->in->frame);
		if (got == -ENOMEM)
			return NULL; /* the next call tries again */
		c->closed = got != -EBADMSG;
	}
	return NULL;
}
