/* A pool in an event loop: a timer submits tasks, and the pool's descriptor becomes readable when one has finished.
 * The loop never waits for a worker: it calls beget_pool_next with a timeout of 0 until that has nothing more. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { TASKS = 10 };

static unsigned long fibonacci(unsigned n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static int submit_one(struct beget_pool *pool, int timer)
{
	static unsigned n;
	unsigned long ticks;
	if (read(timer, &ticks, sizeof(ticks)) < 0 || ++n > TASKS)
		return 0;
	return beget_pool_submit(pool, NULL, NULL, BEGET_CALL(fibonacci, n));
}

/* Returns how many tasks had finished. */
static int take_finished(struct beget_pool *pool)
{
	struct beget_task *task;
	unsigned long result;
	int n = 0;

	for (; beget_pool_next(pool, 0, &task, NULL) == 0; n++) {
		if (beget_task_result(task, &result) == 0)
			printf("%lu\n", result);
		beget_task_free(task);
	}
	return n;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct epoll_event event;
	struct beget_pool *pool;
	int loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (loop < 0 || timer < 0 || beget_pool_open(&pool, NULL) < 0)
		return 1;
	timerfd_settime(timer, 0, &(struct itimerspec){{0, 5000000}, {0, 5000000}}, NULL);
	epoll_ctl(loop, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
	epoll_ctl(loop, EPOLL_CTL_ADD, beget_pool_fd(pool), &(struct epoll_event){.events = EPOLLIN, .data.fd = -1});

	for (int done = 0; done < TASKS; done += take_finished(pool))
		if (epoll_wait(loop, &event, 1, -1) == 1 && event.data.fd == timer && submit_one(pool, timer) < 0)
			return 1;
	printf("all %d are done\n", TASKS);
	beget_pool_free(pool);
	return close(loop);
}
