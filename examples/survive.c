/* A task that crashes ends its worker, not the pool: the pool starts another worker and runs the other tasks.
 * The status says for the program what became of a task, beget_task_describe says it for people. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TASKS = 20 };

static int square(int i)
{
	if (i == 5)
		abort();
	if (i == 10)
		_exit(3);
	while (i == 15)
		pause();
	return i * i;
}

static void complain(const struct beget_task *task)
{
	char sentence[300];

	if (beget_task_describe(task, sentence, sizeof(sentence)) > 0)
		printf("%s\n", sentence);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* no core file: we know why */

	struct beget_pool *pool;
	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 2, .limit_ms = 300)) < 0)
		goto failed;
	for (int i = 0; i < TASKS; i++)
		if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(square, i)) < 0)
			goto failed;

	struct beget_task *task;
	struct beget_status status;
	int good = 0;
	while (beget_pool_next(pool, BEGET_FOREVER, &task, &status) == 0) {
		if (status.outcome == BEGET_EXITED && status.code == 0)
			good++;
		else
			complain(task);
		beget_task_free(task);
	}
	printf("%d of %d tasks returned\n", good, TASKS);
	beget_pool_free(pool);
	return good != TASKS - 3;
failed:
	fprintf(stderr, "%s\n", beget_error());
	return 1;
}
