/* A long run of pools: several threads submit tasks at random to one pool and to pools of their own, while workers are
 * killed and stopped, exit, crash, hang and write garbage over their channels. In the end each task has had one end, no
 * task has begun twice, no result is wrong, and there are no more descriptors, and not much more heap, than before.
 *
 * SOAK_SECONDS (60) is how long. */
#include "pools.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { THREADS = 4, ROUND = 64, LARGE = 200000, LIMIT_MS = 300, SEEN = 1 << 16 };

enum kind { ADD, ECHO, EXIT, CRASH, HANG, STOP, GARBAGE, SELF_KILL, KINDS };

static atomic_ulong ended[KINDS][BEGET_CANCELED + 1];
static struct beget_buffer *counters; /* how often each task has begun, modulo SEEN */
static atomic_uint last_number;
static int64_t until;

/* In the worker. */

static int run(struct beget_buffer *begun, int number, int kind, int a)
{
	add_one(begun, number);
	switch (kind) {
	case EXIT: exit(a);
	case CRASH: abort();
	case SELF_KILL: raise(SIGKILL); break;
	case STOP: raise(SIGSTOP); break;
	case HANG: pause(); break;
	case GARBAGE:
		for (int fd = 3; fd < 64; fd++)
			(void)send(fd, "garbage", 7, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	}
	return 2 * a;
}

static struct beget_bytes echo(struct beget_buffer *begun, int number, struct beget_bytes in)
{
	add_one(begun, number);
	return in;
}

/* In the caller. */

struct item {
	struct beget_task *task;
	int number, a;
	enum kind kind;
	size_t size;
};

static char large[LARGE];

static void submit_item(struct beget_pool *pool, struct item *item, unsigned *seed)
{
	int dice = rand_r(seed) % 100;

	item->number = (int)(atomic_fetch_add(&last_number, 1) % SEEN);
	((volatile int *)beget_buffer_data(counters))[item->number] = 0;
	item->kind = dice < 50 ? ADD : dice < 90 ? ECHO : (enum kind)(EXIT + dice % (KINDS - EXIT));
	item->a = rand_r(seed) % 100 + 1;
	item->size = (size_t)rand_r(seed) % (dice % 8 ? 200 : LARGE);
	const struct beget_call *call =
		item->kind == ECHO ? BEGET_CALL(echo, counters, item->number, BEGET_BYTES(large, item->size))
				   : BEGET_CALL(run, counters, item->number, (int)item->kind, item->a);
	good(beget_pool_submit(pool, &item->task, NULL, call));
}

static void check_result(struct item *item)
{
	struct beget_bytes bytes;
	int value;

	if (item->kind == ECHO) {
		good(beget_task_result(item->task, &bytes));
		assert_true(bytes.size == item->size && memcmp(bytes.data, large, bytes.size) == 0);
	} else {
		good(beget_task_result(item->task, &value));
		assert_int_equal(value, 2 * item->a);
	}
}

static void finish_item(struct item *item)
{
	struct beget_status status;

	good(beget_task_join(item->task, PATIENCE_MS, &status));
	atomic_fetch_add(&ended[item->kind][status.outcome], 1);
	int begun = ((volatile int *)beget_buffer_data(counters))[item->number];
	assert_in_range(begun, 0, 1);
	if (status.outcome == BEGET_EXITED && status.code == 0)
		check_result(item);
	else if (status.outcome == BEGET_EXITED)
		assert_true(item->kind == EXIT && status.code == item->a);
	beget_task_free(item->task);
}

static void *use(void *data)
{
	struct beget_pool *shared = data, *own = NULL;
	unsigned seed = (unsigned)(uintptr_t)&seed ^ (unsigned)now_ms();
	struct item items[ROUND];

	for (int round = 0; now_ms() < until; round++) {
		if (round % 8 == 0) {
			beget_pool_free(own);
			own = POOL(rand_r(&seed) % 2 ? BEGET_FORKSERVER : BEGET_SPAWN, .workers = 2,
			           .limit_ms = LIMIT_MS, .tasks_per_worker = 100);
		}
		struct beget_pool *pool = round % 2 ? shared : own;
		for (int i = 0; i < ROUND; i++)
			submit_item(pool, &items[i], &seed);
		for (int i = 0; i < ROUND; i++)
			finish_item(&items[i]);
	}
	beget_pool_free(own);
	return NULL;
}

static void round_of(int ms)
{
	struct beget_pool *pool = POOL(BEGET_FORKSERVER, .workers = 3, .limit_ms = LIMIT_MS);
	pthread_t threads[THREADS];

	until = now_ms() + ms;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, pool), 0);
	for (unsigned seed = 1; now_ms() < until; sleep_ms(rand_r(&seed) % 50)) {
		struct beget_task *task = submit(pool, BEGET_CALL(own_pid));
		struct beget_status status;
		int pid;
		good(beget_task_join(task, PATIENCE_MS, &status));
		bool known = status.outcome == BEGET_EXITED && beget_task_result(task, &pid) == 0;
		beget_task_free(task);
		if (!known)
			continue;
		kill(pid, rand_r(&seed) % 2 ? SIGKILL : SIGSTOP);
		sleep_ms(20);
		kill(pid, SIGCONT);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	beget_pool_free(pool);
}

static void print_ends(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int outcome = 0; outcome <= BEGET_CANCELED; outcome++)
			if (ended[kind][outcome])
				printf("# kind %d outcome %d: %lu\n", kind, outcome, ended[kind][outcome]);
}

static void a_long_run(void)
{
	const char *seconds = getenv("SOAK_SECONDS");

	counters = shared_ints(SEEN, &(volatile int *){NULL});
	memset(large, 'l', sizeof(large));
	round_of(2000);
	int descriptors = count_descriptors();
	size_t before = heap();
	round_of(1000 * (seconds ? atoi(seconds) : 60));
	print_ends();
	assert_int_equal(count_descriptors(), descriptors);
	assert_true(heap() < before + (1 << 20));
	beget_buffer_free(counters);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {UNIT(a_long_run)};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
