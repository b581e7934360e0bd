/* Waits in an event loop: a sentinel is a descriptor that becomes readable when its process has ended.
 * Then beget_join with a timeout of 0 succeeds. Remove the sentinel from the loop before you free the handle. */
#include <beget.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { COUNT = 5 };

static unsigned nap(unsigned ms)
{
	usleep(ms * 1000);
	return ms;
}

static struct beget_process *start(int loop, unsigned ms)
{
	struct beget_process *process;

	if (beget_start(&process, NULL, BEGET_CALL(nap, ms)) < 0)
		return NULL;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = process};
	return epoll_ctl(loop, EPOLL_CTL_ADD, beget_sentinel(process), &event) < 0 ? NULL : process;
}

static int finish(int loop, struct beget_process *process)
{
	unsigned ms;

	epoll_ctl(loop, EPOLL_CTL_DEL, beget_sentinel(process), NULL);
	int error = beget_join(process, 0, NULL);
	if (error == 0 && (error = beget_result(process, &ms)) == 0)
		printf("after %u ms\n", ms);
	beget_free(process);
	return error;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	int loop = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < COUNT; i++)
		if (!start(loop, 40 * (COUNT - i)))
			return 1;

	for (int left = COUNT; left > 0;) {
		struct epoll_event events[COUNT];
		int n = epoll_wait(loop, events, COUNT, -1);
		for (int i = 0; i < n; i++, left--)
			if (finish(loop, events[i].data.ptr) < 0)
				return 1;
	}
	printf("all %d have ended\n", COUNT);
	return close(loop);
}
