/* Watching one child: its messages show on its channel, and its end shows on its pidfd, because another process may
 * hold the other end of its channel. Runs in the caller. */
#include "keeper/kept.h"

#include "caller/port.h"
#include "os/poll.h"

static uint64_t number(const struct beget__kept *k, unsigned kind)
{
	return k->id * BEGET__KEPT_KINDS + kind;
}

int beget__kept_watch(struct beget__kept *k, int epoll)
{
	return beget__poll_add(epoll, beget__port_socket(k->process), number(k, BEGET__KEPT_CHANNEL));
}

void beget__kept_watch_end(struct beget__kept *k, int epoll)
{
	int pidfd = beget__port_pidfd(k->process);

	if (pidfd >= 0 && !k->watched && !k->stirred && !beget__poll_add(epoll, pidfd, number(k, BEGET__KEPT_PIDFD)))
		k->watched = true;
}

void beget__kept_stir(struct beget__kept *k, int epoll)
{
	if (k->stirred)
		return;
	k->stirred = true;
	beget__poll_remove(epoll, beget__port_socket(k->process));
	if (k->watched)
		beget__poll_remove(epoll, beget__port_pidfd(k->process));
}
