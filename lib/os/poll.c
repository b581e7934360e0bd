/* Descriptors that poll as readable on a condition: epoll, eventfd, timerfd.
 * Runs in the caller. */
#include "os/poll.h"

#include "os/fault.h"
#include "os/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int beget__poll_create(void)
{
	FAULT("epoll_create", -fault);
	return beget__fd_above_stdio(epoll_create1(EPOLL_CLOEXEC));
}

static int control(int poll, int operation, int fd, uint32_t events, uint64_t number)
{
	struct epoll_event event = {.events = events, .data.u64 = number};

	FAULT("epoll_ctl", -fault);
	return epoll_ctl(poll, operation, fd, &event) < 0 ? -errno : 0;
}

static int add(int poll, int fd, uint32_t events, uint64_t number)
{
	return control(poll, EPOLL_CTL_ADD, fd, events, number);
}

int beget__poll_add(int poll, int fd, uint64_t number)
{
	return add(poll, fd, EPOLLIN | EPOLLRDHUP, number);
}

int beget__poll_add_once(int poll, int fd, uint64_t number)
{
	int error = add(poll, fd, EPOLLIN | EPOLLONESHOT, number);

	return error == -EEXIST ? control(poll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, number) : error;
}

int beget__poll_add_hangup(int poll, int fd)
{
	return add(poll, fd, 0, 0); /* epoll always reports EPOLLHUP */
}

int beget__poll_add_shut(int poll, int fd)
{
	return add(poll, fd, EPOLLRDHUP, 0);
}

void beget__poll_remove(int poll, int fd)
{
	struct epoll_event unused = {0};

	(void)epoll_ctl(poll, EPOLL_CTL_DEL, fd, &unused);
}

int beget__poll_wait(int poll, uint64_t *numbers, int most, int wait_ms)
{
	struct epoll_event events[16];

	if (most > 16)
		most = 16;
	int n = epoll_wait(poll, events, most, wait_ms);
	for (int i = 0; i < n; i++)
		numbers[i] = events[i].data.u64;
	return n > 0 ? n : 0;
}

int beget__poll_always(void)
{
	FAULT("eventfd", -fault);
	return beget__fd_above_stdio(eventfd(1, EFD_CLOEXEC));
}

int beget__poll_bell(void)
{
	FAULT("eventfd", -fault);
	return beget__fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void beget__poll_ring(int bell)
{
	uint64_t one = 1;

	(void)!write(bell, &one, sizeof(one));
}

void beget__poll_silence(int bell)
{
	uint64_t drop;

	(void)!read(bell, &drop, sizeof(drop));
}

int beget__poll_timer(void)
{
	FAULT("timerfd_create", -fault);
	return beget__fd_above_stdio(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

/* Setting the timer again also clears an expiry that was not read. */
void beget__poll_timer_set(int timer, int64_t at_ms)
{
	struct itimerspec when = {0};

	if (at_ms != INT64_MAX)
		when.it_value = (struct timespec){at_ms / 1000, (long)(at_ms % 1000) * 1000000 + 1};
	(void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}
