/* Ten thousand small tasks and two hundred large ones, of which some crash, exit or hang: the pool replaces their
 * workers and continues. Ctrl-C cancels the tasks that have not begun and lets the others finish. */
#include <beget.h>
#include <beget/pool.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TASKS = 10200, LARGE = 1 << 20 };

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
	stop = signal;
}

static struct beget_bytes work(int i, struct beget_bytes bytes)
{
	switch (i % 1000) {
	case 1: abort();
	case 2: exit(3);
	case 3: pause();
	}
	return bytes;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	signal(SIGINT, on_interrupt); /* in a group of their own, workers do not see it */

	static char data[LARGE];
	struct beget_pool *pool;
	const struct beget_options *own = BEGET_OPTIONS(.flags = BEGET_NEW_GROUP);
	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.flags = BEGET_POOL_NO_WAIT, .limit_ms = 100, .start = own)) < 0)
		return 1;
	struct beget_task *task;
	struct beget_status status;
	int ends[BEGET_TIMED_OUT + 1] = {0}, i = 0, error;
	do {
		for (; i < TASKS && !stop; i++) {
			struct beget_bytes bytes = BEGET_BYTES(data, i % 51 ? 64 : LARGE);
			if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(work, i, bytes)) < 0)
				break; /* the queue is full */
		}
		if (stop)
			beget_pool_cancel(pool);
		error = beget_pool_next(pool, 50, &task, &status);
		if (error == 0) {
			ends[status.outcome]++;
			beget_task_free(task);
		}
	} while (error == 0 || error == -ETIMEDOUT);
	beget_pool_free(pool);
	printf("%d exited, %d crashed, %d hung\n", ends[BEGET_EXITED], ends[BEGET_SIGNALED], ends[BEGET_TIMED_OUT]);
	return 0;
}
