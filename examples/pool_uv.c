/* A pool in the event loop of libuv: uv_poll_t watches the pool's descriptor, which becomes readable when a task has
 * finished. Free the pool in the callback of uv_close, when libuv no longer watches the descriptor. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>
#include <uv.h>

enum { TASKS = 10 };

static int left = TASKS;

static unsigned long fibonacci(unsigned n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static void print(struct beget_task *task)
{
	unsigned long result;

	if (beget_task_result(task, &result) == 0)
		printf("%lu\n", result);
	beget_task_free(task);
}

static void closed(uv_handle_t *handle)
{
	beget_pool_free(handle->data);
}

static void ready(uv_poll_t *watch, int status, int events)
{
	struct beget_task *task;

	(void)status, (void)events;
	while (beget_pool_next(watch->data, 0, &task, NULL) == 0) {
		print(task);
		if (--left == 0)
			uv_close((uv_handle_t *)watch, closed);
	}
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct beget_pool *pool;
	uv_poll_t watch;
	if (beget_pool_open(&pool, NULL) < 0)
		return 1;
	for (unsigned n = 0; n < TASKS; n++)
		if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(fibonacci, n)) < 0)
			return 1;
	watch.data = pool;
	uv_poll_init(uv_default_loop(), &watch, beget_pool_fd(pool));
	uv_poll_start(&watch, UV_READABLE, ready);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("all %d are done\n", TASKS);
	return 0;
}
