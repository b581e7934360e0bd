/* The life of a pool: how many workers it has, when they are replaced, what its counters show, how it is closed, and
 * what happens in copies of the caller, in nested pools and after the caller's end. With workers of each method. */
#include "pools.h"
#include "host.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

static int add(int a, int b)
{
	return a + b;
}

/* Waits until the pool has n workers, which calls of the library start. */
static bool has_workers(struct beget_pool *pool, uint32_t n)
{
	struct beget_task *task;

	for (int64_t limit = now_ms() + PATIENCE_MS; status_of(pool).workers != n; sleep_ms(1)) {
		if (now_ms() >= limit)
			return false;
		if (beget_pool_next(pool, 1, &task, NULL) == 0)
			beget_task_free(task);
	}
	return true;
}

/* The number of workers. */

static void as_many_as_there_is_work_for(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 3, .idle_ms = 100);
	struct beget_task *held[6];

	assert_int_equal(status_of(pool).workers, 1);
	for (int i = 0; i < 6; i++)
		held[i] = submit(pool, BEGET_CALL(hold, shared));
	assert_true(has_workers(pool, 3));
	for (int64_t limit = now_ms() + PATIENCE_MS; gate[0] < 3 && now_ms() < limit; sleep_ms(1))
		(void)status_of(pool);
	assert_int_equal(gate[0], 3);
	struct beget_pool_status status = status_of(pool);
	assert_true(status.busy == 3 && status.running == 3 && status.queued == 3);
	gate[1] = 1;
	for (int i = 0; i < 6; i++)
		assert_int_equal(task_int(held[i]), 1);
	assert_true(has_workers(pool, 1));
	status = status_of(pool);
	assert_true(status.busy == 0 && status.done == 6 && status.submitted == 6 && status.started == 3);
	assert_int_equal(status.crashed, 0);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static void resized(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1, .idle_ms = 10 * PATIENCE_MS);
	struct beget_task *held[3];

	for (int i = 0; i < 3; i++)
		held[i] = submit(pool, BEGET_CALL(hold, shared));
	good(beget_pool_resize(pool, 3));
	for (int64_t limit = now_ms() + PATIENCE_MS; gate[0] < 3 && now_ms() < limit; sleep_ms(1))
		(void)status_of(pool);
	assert_int_equal(gate[0], 3);
	good(beget_pool_resize(pool, 1));
	gate[1] = 1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(task_int(held[i]), 1);
	assert_true(has_workers(pool, 1));
	assert_int_equal(task_int(submit(pool, BEGET_CALL(add, 1, 2))), 3);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* As many as the processors that this process may use. */
static void one_for_each_processor(enum beget_method method)
{
	cpu_set_t all, one;
	struct beget_task *task;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	struct beget_pool *pool = POOL(method, .min_workers = 1);
	for (int i = 0; i < 100; i++)
		post(pool, BEGET_CALL(own_pid));
	int first = task_int(next(pool, NULL));
	for (int i = 1; i < 100; i++)
		assert_int_equal(task_int(next(pool, NULL)), first);
	assert_int_equal(beget_pool_next(pool, 0, &task, NULL), -ENOENT);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	beget_pool_free(pool);
}

static void few_descriptors(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);

	int with_one = count_descriptors();
	beget_pool_free(pool);
	int with_none = count_descriptors();
	pool = POOL(method, .workers = 4, .min_workers = 4);
	assert_true(has_workers(pool, 4));
	int with_four = count_descriptors();
	assert_true(with_four - with_one <= 9);
	assert_true(with_one - with_none <= 10);
	for (int i = 0; i < 500; i++)
		post(pool, BEGET_CALL(add, i, i));
	assert_true(count_descriptors() <= with_four);
	beget_pool_free(pool);
}

/* Replacement. */

/* The worker continues while its successor starts, so it may run more tasks than the limit. */
static void after_so_many_tasks(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .tasks_per_worker = 10);
	struct beget_pool_status status = {.workers = 0};
	int last = 0, run = 0;

	for (int64_t limit = now_ms() + PATIENCE_MS; status.recycled < 5 && now_ms() < limit;
	     status = status_of(pool)) {
		int pid = task_int(submit(pool, BEGET_CALL(own_pid)));
		assert_true(pid == last || last == 0 || run >= 5);
		run = pid == last ? run + 1 : 1;
		last = pid;
	}
	assert_true(status.recycled >= 5 && status.crashed == 0 && status.failed == 0);
	beget_pool_free(pool);
}

static void a_start_longer_than_a_lifetime(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .lifetime_ms = 50, .prepare = BEGET_CALL(nap, 150));
	int first = task_int(submit(pool, BEGET_CALL(own_pid))), now = first;

	for (int64_t limit = now_ms() + PATIENCE_MS; now == first && now_ms() < limit; sleep_ms(5))
		now = task_int(submit(pool, BEGET_CALL(own_pid)));
	assert_int_not_equal(now, first);
	beget_pool_free(pool);
}

static int grow(size_t bytes)
{
	char *p = malloc(bytes);

	if (p)
		memset(p, 1, bytes);
	__asm__ volatile("" ::"r"(p) : "memory");
	return (int)getpid();
}

static void after_a_time_or_a_size(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .lifetime_ms = 50);
	int first = task_int(submit(pool, BEGET_CALL(own_pid))), now = first;

	for (int64_t limit = now_ms() + PATIENCE_MS; now == first && now_ms() < limit; sleep_ms(5))
		now = task_int(submit(pool, BEGET_CALL(own_pid)));
	assert_int_not_equal(now, first);
	beget_pool_free(pool);

	pool = POOL(method, .workers = 1, .memory_kib = 200 << 10);
	first = task_int(submit(pool, BEGET_CALL(own_pid)));
	for (int i = 0; i < 20; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(own_pid))), first);
	assert_int_equal(task_int(submit(pool, BEGET_CALL(grow, (size_t)300 << 20))), first);
	now = first;
	for (int64_t limit = now_ms() + PATIENCE_MS; now == first && now_ms() < limit; sleep_ms(5))
		now = task_int(submit(pool, BEGET_CALL(own_pid)));
	assert_int_not_equal(now, first);
	assert_int_equal(status_of(pool).crashed, 0);
	beget_pool_free(pool);
}

/* Closing. */

static void drained(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2);
	struct beget_task *task = NULL;

	for (int i = 0; i < 20; i++)
		post(pool, BEGET_CALL(nap, 5));
	good(beget_pool_close(pool, PATIENCE_MS));
	good(beget_pool_close(pool, PATIENCE_MS));
	assert_int_equal(beget_pool_submit(pool, &task, NULL, BEGET_CALL(nap, 1)), -ESHUTDOWN);
	assert_null(task);
	for (int i = 0; i < 20; i++)
		assert_int_equal(task_int(next(pool, NULL)), 5);
	assert_int_equal(beget_pool_next(pool, BEGET_FOREVER, &task, NULL), -ENOENT);
	assert_int_equal(status_of(pool).workers, 0);
	beget_pool_free(pool);
}

static int wait_for_ever(struct beget_buffer *gate)
{
	add_one(gate, 0);
	for (;;)
		pause();
	return 0;
}

static void not_drained(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *stuck = submit(pool, BEGET_CALL(wait_for_ever, shared));
	struct beget_task *waiting = submit(pool, BEGET_CALL(wait_for_ever, shared));

	assert_true(changes(&gate[0], 0));
	assert_int_equal(beget_pool_close(pool, 50), -ETIMEDOUT);
	expect_task(stuck, BEGET_SIGNALED, SIGKILL);
	expect_task(waiting, BEGET_CANCELED, 0);
	assert_int_equal(gate[0], 1);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static void freed_at_once(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2);
	struct beget_task *mine = submit(pool, BEGET_CALL(nap, 100000));

	for (int i = 0; i < 50; i++)
		post(pool, BEGET_CALL(nap, 100000));
	beget_pool_free(pool);
	good(beget_task_join(mine, 0, NULL));
	beget_task_free(mine);
}

/* A worker that has not been born cannot be signaled, and closing does not wait for its birth. */
static void closed_while_the_helper_is_stopped(enum beget_method method)
{
	pid_t helper = method == BEGET_FORKSERVER ? helper_pid() : 0;
	int before = count_descriptors();
	struct beget_pool *pool = POOL(method, .workers = 2);

	if (helper)
		assert_int_equal(kill(helper, SIGSTOP), 0);
	for (int i = 0; i < 10; i++)
		post(pool, BEGET_CALL(nap, 10));
	beget_task_free(next(pool, NULL));
	beget_pool_free(pool);
	if (helper)
		assert_int_equal(kill(helper, SIGCONT), 0);
	/* the late worker is dropped when it has ended */
	for (int64_t end = now_ms() + PATIENCE_MS; count_descriptors() > before && now_ms() < end; sleep_ms(10))
		beget_pool_free(POOL(method, .workers = 1));
}

static void *closes(void *pool)
{
	return (void *)(intptr_t)beget_pool_close(pool, PATIENCE_MS);
}

static void closed_by_another_thread(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	pthread_t thread;
	struct beget_task *task;
	void *error;

	for (int i = 0; i < 10; i++)
		post(pool, BEGET_CALL(nap, 10));
	assert_int_equal(pthread_create(&thread, NULL, closes, pool), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(task_int(next(pool, NULL)), 10);
	assert_int_equal(beget_pool_next(pool, BEGET_FOREVER, &task, NULL), -ENOENT);
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_null(error);
	beget_pool_free(pool);
}

/* Copies, nested pools, and callers that have ended. */

static struct beget_pool *of_the_parent;
static struct beget_task *task_of_the_parent;

static void uses_its_parents(void)
{
	struct beget_task *task;
	struct beget_pool_status status;

	CHECK(beget_pool_submit(of_the_parent, &task, NULL, BEGET_CALL(add, 1, 2)) == -ECHILD);
	CHECK(beget_pool_next(of_the_parent, 0, &task, NULL) == -ECHILD);
	CHECK(beget_pool_status(of_the_parent, &status) == -ECHILD);
	CHECK(beget_pool_cancel(of_the_parent) == -ECHILD);
	CHECK(beget_pool_close(of_the_parent, 0) == -ECHILD);
	CHECK(beget_task_join(task_of_the_parent, 0, NULL) == -ECHILD);
	beget_task_free(task_of_the_parent);
	beget_pool_free(of_the_parent);
}

static void a_copy_of_the_caller(enum beget_method method)
{
	of_the_parent = POOL(method, .workers = 1);
	task_of_the_parent = submit(of_the_parent, BEGET_CALL(nap, 50));
	run_host(uses_its_parents);
	assert_int_equal(task_int(task_of_the_parent), 50);
	assert_int_equal(task_int(submit(of_the_parent, BEGET_CALL(add, 1, 2))), 3);
	beget_pool_free(of_the_parent);
}

static int sum_in_a_pool(int method, int n)
{
	struct beget_pool *pool;
	struct beget_task *task;
	int sum = 0, value;

	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 2,
	                                              .start = BEGET_OPTIONS(.method = (enum beget_method)method))) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(add, i, 1)) < 0)
			return -2;
	while (beget_pool_next(pool, PATIENCE_MS, &task, NULL) == 0) {
		sum += beget_task_result(task, &value) == 0 ? value : -1000;
		beget_task_free(task);
	}
	beget_pool_free(pool);
	return sum;
}

static void a_nest(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2);

	for (int inner = BEGET_FORKSERVER; inner <= BEGET_FORK; inner++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(sum_in_a_pool, inner, 10))), 55);
	beget_pool_free(pool);
}

static int alive[2];
static enum beget_method host_method;
static unsigned host_flags;

static int hold_open(struct beget_fd fd, int ms)
{
	int n = (int)write(fd.fd, "a", 1);

	sleep_ms(ms);
	return n;
}

static void opens_and_waits(void)
{
	struct beget_pool *pool =
		open_pool(BEGET_POOL_OPTIONS(.workers = 2, .flags = host_flags,
	                                     .start = BEGET_OPTIONS(.method = host_method, .flags = BEGET_CLOSE_FDS)));

	for (int i = 0; i < 2; i++)
		CHECK(beget_pool_submit(pool, NULL, NULL,
		                        BEGET_CALL(hold_open, BEGET_FD(alive[1]), host_flags ? 1000 : 100000)) == 0);
	for (struct beget_task *task;;)
		CHECK(beget_pool_next(pool, BEGET_FOREVER, &task, NULL) == 0);
}

static void a_caller_is_killed(enum beget_method method)
{
	host_method = method;
	for (int untied = 0; untied < 2; untied++) {
		char bytes[2];
		host_flags = untied ? BEGET_POOL_UNTIED : 0;
		assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
		pid_t host = host_start(opens_and_waits);
		close(alive[1]);
		for (int i = 0; i < 2; i++)
			assert_int_equal(read(alive[0], bytes, 1), 1);
		kill(host, SIGKILL);
		host_end(host);
		if (untied)
			assert_false(ends(alive[0], 100));
		assert_true(ends(alive[0], PATIENCE_MS));
		close(alive[0]);
	}
}

/* Ctrl-C sends SIGINT to the process group of the caller, once. */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	interrupted = signal;
}

static struct beget_pool *fill_a_pool(unsigned worker_flags, int ms)
{
	struct beget_pool *pool = open_pool(
		BEGET_POOL_OPTIONS(.workers = 2, .start = BEGET_OPTIONS(.method = host_method, .flags = worker_flags)));

	for (int i = 0; i < 6; i++)
		CHECK(beget_pool_submit(pool, NULL, NULL, BEGET_CALL(hold_open, BEGET_FD(alive[1]), ms)) == 0);
	close(alive[1]);
	return pool;
}

/* Workers in groups of their own do not get the signal: what has begun ends well, the rest is canceled. */
static void cancels_and_drains(void)
{
	struct beget_status status;
	struct beget_task *task;
	int ends_of[BEGET_CANCELED + 1] = {0};

	signal(SIGINT, on_interrupt);
	struct beget_pool *pool = fill_a_pool(BEGET_NEW_GROUP, scaled(500));
	while (!interrupted)
		CHECK(beget_pool_next(pool, 5, &task, &status) == -ETIMEDOUT);
	CHECK(beget_pool_cancel(pool) == 4);
	while (beget_pool_next(pool, BEGET_FOREVER, &task, &status) == 0) {
		ends_of[status.outcome]++;
		beget_task_free(task);
	}
	CHECK(beget_pool_close(pool, PATIENCE_MS) == 0);
	beget_pool_free(pool);
	CHECK(ends_of[BEGET_EXITED] == 2 && ends_of[BEGET_CANCELED] == 4);
}

static unsigned flags_of_workers;

static void ends_by_default(void)
{
	struct beget_task *task;
	struct beget_pool *pool = fill_a_pool(flags_of_workers, 100000);

	(void)beget_pool_next(pool, BEGET_FOREVER, &task, NULL);
	_exit(9);
}

static int interrupt_host(enum beget_method method, void (*body)(void))
{
	char bytes[2];

	host_method = method;
	assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
	pid_t host = host_start(body);
	close(alive[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(alive[0], bytes, 1), 1);
	assert_int_equal(kill(-host, SIGINT), 0);
	int status = host_end(host);
	assert_true(ends(alive[0], PATIENCE_MS)); /* no worker is left */
	close(alive[0]);
	return status;
}

static void interrupted_and_drained(enum beget_method method)
{
	assert_int_equal(interrupt_host(method, cancels_and_drains), 0);
}

static void interrupted_by_default(enum beget_method method)
{
	for (int own = 0; own < 2; own++) {
		flags_of_workers = own ? BEGET_NEW_GROUP : 0;
		int status = interrupt_host(method, ends_by_default);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	}
}

/* Threads of the caller. */

static void *reads_until_closed(void *end)
{
	char c;

	(void)!read(*(int *)end, &c, 1);
	return NULL;
}

static void beside_a_thread(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method);
	struct beget_pool *pool = NULL;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, reads_until_closed, &fds[0]), 0);
	int error = beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 2, .start = o));
	if (method == BEGET_FORK) {
		assert_int_equal(error, -EDEADLK);
		assert_non_null(strstr(beget_error(), "thread"));
		assert_null(pool);
	} else {
		good(error);
		assert_int_equal(task_int(submit(pool, BEGET_CALL(add, 1, 2))), 3);
		beget_pool_free(pool);
	}
	close(fds[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(fds[0]);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const struct behaviour behaviours[] = {
		BEHAVIOUR(as_many_as_there_is_work_for),
		BEHAVIOUR(resized),
		BEHAVIOUR(one_for_each_processor),
		BEHAVIOUR(few_descriptors),
		BEHAVIOUR(after_so_many_tasks),
		BEHAVIOUR(after_a_time_or_a_size),
		BEHAVIOUR(a_start_longer_than_a_lifetime),
		BEHAVIOUR(drained),
		BEHAVIOUR(not_drained),
		BEHAVIOUR(freed_at_once),
		BEHAVIOUR(closed_while_the_helper_is_stopped),
		BEHAVIOUR(closed_by_another_thread),
		BEHAVIOUR(a_copy_of_the_caller),
		BEHAVIOUR(a_nest),
		BEHAVIOUR(a_caller_is_killed),
		BEHAVIOUR(interrupted_and_drained),
		BEHAVIOUR(interrupted_by_default),
		BEHAVIOUR(beside_a_thread),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
