/* Descriptors that poll as readable on a condition, made with eventfd and epoll.
 * Runs in every process. */
#include "os/event.h"

#include "os/fault.h"
#include "os/fd.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

int beget__event_always(void)
{
	FAULT("eventfd", -fault);
	return beget__fd_above_stdio(eventfd(1, EFD_CLOEXEC));
}

int beget__event_any(void)
{
	FAULT("epoll_create", -fault);
	return beget__fd_above_stdio(epoll_create1(EPOLL_CLOEXEC));
}

int beget__event_add(int any, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events};

	FAULT("epoll_ctl", -fault);
	return epoll_ctl(any, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void beget__event_remove(int any, int fd)
{
	epoll_ctl(any, EPOLL_CTL_DEL, fd, &(struct epoll_event){0});
}
