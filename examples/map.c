/* A parallel map: a pool of workers computes one function for every element of an array.
 * BEGET_POOL_IN_ORDER makes the pool return the results in the order of the array, whichever worker is the first. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>

enum { COUNT = 5000 };

/* The number of steps from n to 1, if odd numbers become 3n + 1 and even ones are halved. */
static unsigned steps(unsigned long n)
{
	unsigned count = 0;

	for (; n > 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}

static int map(struct beget_pool *pool, const unsigned long *from, unsigned *to, size_t n)
{
	struct beget_task *task;

	for (size_t i = 0; i < n; i++)
		if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(steps, from[i])) < 0)
			return -1;
	for (size_t i = 0; i < n; i++) {
		if (beget_pool_next(pool, BEGET_FOREVER, &task, NULL) < 0)
			return -1;
		int error = beget_task_result(task, &to[i]);
		beget_task_free(task);
		if (error < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static unsigned long numbers[COUNT];
	static unsigned results[COUNT];
	struct beget_pool *pool;
	size_t best = 0;
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = i + 1;
	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.flags = BEGET_POOL_IN_ORDER)) < 0 ||
	    map(pool, numbers, results, COUNT) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	for (size_t i = 0; i < COUNT; i++)
		if (results[i] > results[best])
			best = i;
	printf("most steps up to %d: %lu needs %u\n", COUNT, numbers[best], results[best]);
	beget_pool_free(pool);
	return 0;
}
