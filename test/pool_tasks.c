/* Tasks that return: what is sent to a worker and back, the order of results, who owns a task, how many there may be,
 * and cancellation. With workers of each method. */
#include "pools.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

/* What is sent. */

static int add(int a, int b)
{
	return a + b;
}

static void one_by_one(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);

	for (int i = 0; i < 100; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(add, i, 1))), i + 1);
	beget_pool_free(pool);
}

static const char *greet(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "hello, %s", name);
	return text;
}

struct point {
	int x;
	double y;
};

static struct point mirror(struct point p)
{
	return (struct point){-p.x, -p.y};
}

static struct beget_bytes reverse(struct beget_bytes in)
{
	static char out[100];

	for (size_t i = 0; i < in.size; i++)
		out[i] = ((const char *)in.data)[in.size - 1 - i];
	return BEGET_BYTES(out, in.size);
}

static void double_them(const int *from, int *to, int *in_place, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = 2 * from[i];
		in_place[i] *= 2;
	}
}

static struct beget_buffer *fill(int byte)
{
	struct beget_buffer *buffer;

	if (beget_buffer_create(&buffer, 1000) < 0)
		return NULL;
	memset(beget_buffer_data(buffer), byte, 1000);
	return buffer;
}

static void results_of_each_kind(enum beget_method method)
{
	const struct beget_layout *layout =
		BEGET_LAYOUT(struct point, BEGET_MEMBER(struct point, x), BEGET_MEMBER(struct point, y));
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *text = submit(pool, BEGET_CALL(greet, "world"));
	struct point p = {3, 4.5};
	struct beget_task *point = submit(pool, BEGET_RETURNS(layout, BEGET_CALL(mirror, BEGET_STRUCT(layout, p))));
	struct beget_task *bytes = submit(pool, BEGET_CALL(reverse, BEGET_BYTES("abc", 3)));
	struct beget_task *memory = submit(pool, BEGET_CALL(fill, 'f'));
	const char *greeting;
	struct beget_bytes backwards;
	struct beget_buffer *filled;

	for (struct beget_task **t = (struct beget_task *[]){text, point, bytes, memory, NULL}; *t; t++)
		good(beget_task_join(*t, PATIENCE_MS, NULL));
	good(beget_task_result(text, &greeting));
	assert_string_equal(greeting, "hello, world");
	good(beget_task_result(point, &p));
	assert_true(p.x == -3 && p.y == -4.5);
	good(beget_task_result(bytes, &backwards));
	assert_int_equal(backwards.size, 3);
	assert_memory_equal(backwards.data, "cba", 3);
	good(beget_task_result(memory, &filled));
	assert_int_equal(((char *)beget_buffer_data(filled))[999], 'f');
	for (struct beget_task **t = (struct beget_task *[]){text, point, bytes, memory, NULL}; *t; t++)
		beget_task_free(*t);
	beget_pool_free(pool);
}

/* Each unread result takes little more memory than its own size. */
static void results_that_wait(enum beget_method method)
{
	enum { N = 300, MOST = 2000 };
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *tasks[N];
	const char *greeting;

	size_t before = heap();
	for (int i = 0; i < N; i++)
		tasks[i] = submit(pool, BEGET_CALL(greet, "world"));
	for (int i = 0; i < N; i++)
		good(beget_task_join(tasks[i], PATIENCE_MS, NULL));
	size_t after = heap();
	assert_true(after <= before + (size_t)N * MOST);
	for (int i = 0; i < N; i++) {
		good(beget_task_result(tasks[i], &greeting));
		assert_string_equal(greeting, "hello, world");
		beget_task_free(tasks[i]);
	}
	beget_pool_free(pool);
}

/* A task behind a long one can be withdrawn only while the caller is in the library, so only a few are sent ahead. */
static void few_wait_behind_long_ones(enum beget_method method)
{
	enum { N = 8, LONG_MS = 50 };
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *tasks[N];
	int with_worker = 0;
	char text[200];

	for (int i = 0; i < 2; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(nap, LONG_MS))), LONG_MS);
	for (int i = 0; i < N; i++)
		tasks[i] = submit(pool, BEGET_CALL(nap, LONG_MS));
	for (int i = 0; i < N; i++) {
		assert_true(beget_task_describe(tasks[i], text, sizeof(text)) > 0);
		with_worker += strstr(text, "was sent to a worker") != NULL || strstr(text, "returned") != NULL;
	}
	assert_in_range(with_worker, 1, 4);
	for (int i = 0; i < N; i++)
		assert_int_equal(task_int(tasks[i]), LONG_MS);
	beget_pool_free(pool);
}

static void memory_comes_back(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	int from[3] = {1, 2, 3}, to[3] = {9, 9, 9}, in_place[3] = {5, 6, 7};

	post(pool, BEGET_CALL(double_them, BEGET_IN(from), BEGET_OUT(to), BEGET_INOUT(in_place), (size_t)3));
	memset(from, 0, sizeof(from)); /* it has been copied */
	beget_task_free(next(pool, NULL));
	assert_memory_equal(to, ((int[]){2, 4, 6}), sizeof(to));
	assert_memory_equal(in_place, ((int[]){10, 12, 14}), sizeof(in_place));
	beget_pool_free(pool);
}

/* More than a socket or a message holds, in both directions, with every worker at once, while the caller only
 * submits. */
enum { LARGE = 1 << 20, LARGE_TASKS = 24 };

static struct beget_bytes echo(struct beget_bytes in, char *out, size_t n)
{
	memcpy(out, in.data, n);
	return in;
}

static void large_ones(enum beget_method method)
{
	static char sent[LARGE], filled[LARGE_TASKS][LARGE];
	struct beget_pool *pool = POOL(method, .workers = 4, .flags = BEGET_POOL_IN_ORDER);

	for (size_t i = 0; i < LARGE; i++)
		sent[i] = (char)(i * 7 + (i >> 9));
	for (int i = 0; i < LARGE_TASKS; i++)
		post(pool, BEGET_CALL(echo, BEGET_BYTES(sent, LARGE), BEGET_OUT(filled[i]), (size_t)LARGE));
	for (int i = 0; i < LARGE_TASKS; i++) {
		struct beget_bytes back;
		struct beget_task *task = next(pool, NULL);
		good(beget_task_result(task, &back));
		assert_int_equal(back.size, LARGE);
		assert_memory_equal(back.data, sent, LARGE);
		assert_memory_equal(filled[i], sent, LARGE);
		beget_task_free(task);
	}
	beget_pool_free(pool);
}

/* Descriptors. */

static int kept = -1;

static int write_there(struct beget_fd fd, const char *text)
{
	return (int)write(fd.fd, text, strlen(text));
}

static int keep(struct beget_fd fd)
{
	return kept = dup(fd.fd);
}

static int write_to_kept(const char *text)
{
	return (int)write(kept, text, strlen(text));
}

static void descriptors_end_with_their_task(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	int ends_[2];

	assert_int_equal(pipe2(ends_, O_CLOEXEC), 0);
	int before = task_int(submit(pool, BEGET_CALL(count_descriptors)));
	for (int i = 0; i < 50; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(write_there, BEGET_FD(ends_[1]), "x"))), 1);
	assert_int_equal(task_int(submit(pool, BEGET_CALL(count_descriptors))), before);
	close(ends_[1]);
	for (int i = 0; i < 50; i++)
		assert_int_equal(read(ends_[0], (char[1]){0}, 1), 1);
	assert_true(ends(ends_[0], method == BEGET_FORK ? 0 : PATIENCE_MS) || method == BEGET_FORK);
	close(ends_[0]);
	beget_pool_free(pool);
}

static void a_duplicate_stays(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	int ends_[2];
	char text[8] = "";

	assert_int_equal(pipe2(ends_, O_CLOEXEC), 0);
	assert_true(task_int(submit(pool, BEGET_CALL(keep, BEGET_FD(ends_[1])))) > 0);
	close(ends_[1]);
	assert_int_equal(task_int(submit(pool, BEGET_CALL(write_to_kept, "kept"))), 4);
	assert_int_equal(read(ends_[0], text, 4), 4);
	assert_string_equal(text, "kept");
	beget_pool_free(pool);
	assert_true(ends(ends_[0], PATIENCE_MS));
	close(ends_[0]);
}

/* Order. */

static int after(struct beget_buffer *gate, int i)
{
	return i == 0 && hold(gate) != 1 ? -1 : i;
}

static void in_order_of_completion(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 2);
	bool seen[20] = {false};

	for (int i = 0; i < 20; i++)
		post(pool, BEGET_CALL(after, shared, i));
	for (int i = 0; i < 20; i++) {
		int value = task_int(next(pool, NULL));
		assert_in_range(value, 0, 19);
		assert_false(seen[value]);
		seen[value] = true;
		assert_true(value > 0 || i == 19);
		if (i == 18)
			gate[1] = 1;
	}
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static void in_order_of_submission(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 2, .flags = BEGET_POOL_IN_ORDER);
	struct beget_task *task;

	for (int i = 0; i < 20; i++)
		post(pool, BEGET_CALL(after, shared, i));
	for (int64_t end = now_ms() + PATIENCE_MS; status_of(pool).done < 19 && now_ms() < end;)
		assert_int_equal(beget_pool_next(pool, 1, &task, NULL), -ETIMEDOUT);
	gate[1] = 1;
	for (int i = 0; i < 20; i++)
		assert_int_equal(task_int(next(pool, NULL)), i);
	assert_int_equal(beget_pool_next(pool, 0, &task, NULL), -ENOENT);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* Ownership. */

static void two_kinds_of_owner(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *mine, *both, *task = NULL;
	int data;

	assert_int_equal(beget_pool_next(pool, 0, &task, NULL), -ENOENT);
	mine = submit(pool, BEGET_CALL(add, 1, 1));
	good(beget_pool_submit(pool, NULL, BEGET_TASK_OPTIONS(.data = &data), BEGET_CALL(add, 2, 2)));
	good(beget_pool_submit(pool, &both, BEGET_TASK_OPTIONS(.flags = BEGET_TASK_NEXT), BEGET_CALL(add, 3, 3)));
	task = next(pool, NULL);
	assert_ptr_equal(beget_task_data(task), &data);
	assert_int_equal(task_int(task), 4);
	task = next(pool, NULL);
	assert_ptr_equal(task, both);
	assert_null(beget_task_data(task));
	assert_int_equal(task_int(task), 6);
	assert_int_equal(beget_pool_next(pool, 0, &task, NULL), -ENOENT);
	assert_int_equal(task_int(mine), 2);
	beget_pool_free(pool);
}

static void tasks_outlive_their_pool(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *task = submit(pool, BEGET_CALL(add, 2, 3));

	good(beget_task_join(task, PATIENCE_MS, NULL));
	post(pool, BEGET_CALL(add, 1, 1)); /* not taken with beget_pool_next */
	beget_pool_free(pool);
	assert_int_equal(task_int(task), 5);
}

static void nothing(void)
{
}

static void results_that_are_not_there(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *held = submit(pool, BEGET_CALL(hold, shared));
	struct beget_task *empty = submit(pool, BEGET_CALL(nothing));
	int value = 7;
	long other = 7;

	assert_int_equal(beget_task_result(held, &value), -EBUSY);
	assert_int_equal(beget_task_join(held, 0, NULL), -ETIMEDOUT);
	gate[1] = 1;
	good(beget_task_join(held, PATIENCE_MS, NULL));
	assert_int_equal(beget_task_result(held, &other), -EINVAL);
	good(beget_task_join(empty, PATIENCE_MS, NULL));
	assert_int_equal(beget_task_result(empty, &value), -ENODATA);
	assert_true(value == 7 && other == 7);
	beget_task_free(held);
	beget_task_free(empty);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* The queue. */

static void a_full_queue_refuses(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1, .queue = 4, .flags = BEGET_POOL_NO_WAIT);
	struct beget_task *task = NULL;

	post(pool, BEGET_CALL(hold, shared));
	for (int i = 0; i < 3; i++)
		post(pool, BEGET_CALL(add, i, i));
	assert_int_equal(beget_pool_submit(pool, &task, NULL, BEGET_CALL(add, 1, 1)), -EAGAIN);
	assert_null(task);
	gate[1] = 1;
	for (int i = 0; i < 4; i++)
		beget_task_free(next(pool, NULL));
	post(pool, BEGET_CALL(add, 1, 1));
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* Finished tasks do not count. */
static void a_full_queue_waits(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2, .queue = 3);
	int sum = 0;

	for (int i = 0; i < 200; i++)
		post(pool, BEGET_CALL(add, i, 0));
	for (int i = 0; i < 200; i++)
		sum += task_int(next(pool, NULL));
	assert_int_equal(sum, 199 * 100);
	beget_pool_free(pool);
}

/* Cancellation. */

static void canceled_tasks_never_run(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *shared = shared_ints(40, &ints);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *held = submit(pool, BEGET_CALL(hold, shared)), *tasks[30];

	for (int i = 0; i < 30; i++)
		tasks[i] = submit(pool, BEGET_CALL(add_one, shared, 2 + i));
	assert_true(changes(&ints[0], 0));
	assert_int_equal(beget_task_cancel(held), -EBUSY);
	for (int i = 0; i < 30; i += 2)
		good(beget_task_cancel(tasks[i]));
	ints[1] = 1;
	for (int i = 0; i < 30; i++)
		expect_task(tasks[i], i % 2 ? BEGET_EXITED : BEGET_CANCELED, 0);
	assert_int_equal(beget_task_cancel(held), -EALREADY);
	expect_task(held, BEGET_EXITED, 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(ints[2 + i], i % 2);
	assert_int_equal(status_of(pool).canceled, 15);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static void all_canceled(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *shared = shared_ints(3, &ints);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *held = submit(pool, BEGET_CALL(hold, shared));
	struct beget_status status;

	for (int i = 0; i < 10; i++)
		post(pool, BEGET_CALL(add_one, shared, 2));
	assert_true(changes(&ints[0], 0));
	assert_int_equal(beget_pool_cancel(pool), 10);
	assert_int_equal(beget_pool_cancel(pool), 0);
	for (int i = 0; i < 10; i++) {
		beget_task_free(next(pool, &status));
		assert_int_equal(status.outcome, BEGET_CANCELED);
	}
	ints[1] = 1;
	expect_task(held, BEGET_EXITED, 0);
	assert_int_equal(ints[2], 0);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static int write_late(struct beget_buffer *gate, int *out)
{
	int value = hold(gate);

	out[0] = 1;
	return value;
}

static void a_freed_task_runs_and_touches_nothing(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1);
	int out[1] = {7};

	beget_task_free(submit(pool, BEGET_CALL(write_late, shared, BEGET_OUT(out))));
	assert_true(changes(&gate[0], 0));
	gate[1] = 1;
	assert_int_equal(task_int(submit(pool, BEGET_CALL(add, 2, 2))), 4);
	assert_int_equal(out[0], 7);
	assert_int_equal(status_of(pool).done, 2);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* Event loops. */

static void a_descriptor_to_poll(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct pollfd ready = {.fd = beget_pool_fd(pool), .events = POLLIN};
	struct beget_task *task;
	int left = 100;

	assert_true(ready.fd >= 0);
	assert_int_equal(beget_pool_fd(pool), ready.fd);
	post(pool, BEGET_CALL(hold, shared));
	for (int i = 1; i < left; i++)
		post(pool, BEGET_CALL(add, i, 0));
	while (beget_pool_next(pool, 0, &task, NULL) == -ETIMEDOUT && poll(&ready, 1, 50) == 1)
		;
	assert_int_equal(poll(&ready, 1, 0), 0); /* while one task occupies the only worker, there is nothing to do */
	gate[1] = 1;
	for (int error = 0; left > 0;) {
		assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
		for (; (error = beget_pool_next(pool, 0, &task, NULL)) == 0; left--)
			beget_task_free(task);
		assert_int_equal(error, left ? -ETIMEDOUT : -ENOENT);
	}
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* Threads. */

enum { THREADS = 4, EACH = 200 };

static void *submits_and_joins(void *data)
{
	struct beget_pool *pool = data;
	intptr_t sum = 0;

	for (int i = 0; i < EACH; i++) {
		struct beget_task *task;
		int value = 0;
		if (beget_pool_submit(pool, &task, NULL, BEGET_CALL(add, i, 1)) < 0)
			break;
		if (beget_task_join(task, PATIENCE_MS, NULL) == 0 && beget_task_result(task, &value) == 0)
			sum += value;
		beget_task_free(task);
	}
	return (void *)sum;
}

static void *submits_and_takes(void *data)
{
	struct beget_pool *pool = data;
	struct beget_task *task;
	intptr_t sum = 0;
	int value;

	for (int i = 0; i < EACH; i++)
		if (beget_pool_submit(pool, NULL, NULL, BEGET_CALL(add, i, 1)) < 0)
			return NULL;
	while (beget_pool_next(pool, PATIENCE_MS, &task, NULL) == 0) {
		if (beget_task_result(task, &value) == 0)
			sum += value;
		beget_task_free(task);
	}
	return (void *)sum;
}

static void any_thread(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 3, .min_workers = 3);
	pthread_t threads[THREADS];
	intptr_t sum = 0;

	for (int i = 0; i < 3; i++) /* fork starts no worker while threads run */
		assert_true(task_int(submit(pool, BEGET_CALL(own_pid))) > 0);
	for (int64_t end = now_ms() + PATIENCE_MS; status_of(pool).workers < 3 && now_ms() < end; sleep_ms(1))
		;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? submits_and_joins : submits_and_takes, pool),
		                 0);
	for (int i = 0; i < THREADS; i++) {
		void *part;
		assert_int_equal(pthread_join(threads[i], &part), 0);
		sum += (intptr_t)part;
	}
	assert_int_equal(sum, THREADS * EACH * (EACH + 1) / 2);
	beget_pool_free(pool);
}

/* Refusals. */

static void refused_at_once(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1), *none = NULL;
	struct beget_task *task = NULL;
	struct beget_process *process = NULL;

	assert_int_equal(beget_pool_open(NULL, NULL), -EINVAL);
	assert_int_equal(beget_pool_open(&none, BEGET_POOL_OPTIONS(.flags = 0x1000)), -EINVAL);
	assert_int_equal(beget_pool_open(&none, BEGET_POOL_OPTIONS(.limit_ms = -5)), -EINVAL);
	assert_int_equal(beget_pool_open(&none, BEGET_POOL_OPTIONS(.workers = 1, .min_workers = 2)), -EINVAL);
	assert_int_equal(beget_pool_open(&none, &(struct beget_pool_options){.size = 3}), -EINVAL);
	assert_int_equal(beget_pool_submit(NULL, &task, NULL, BEGET_CALL(add, 1, 2)), -EINVAL);
	assert_int_equal(beget_pool_submit(pool, &task, NULL, NULL), -EINVAL);
	assert_int_equal(beget_pool_submit(pool, &task, NULL, BEGET_CALL(keep, BEGET_FD(-1))), -EBADF);
	assert_int_equal(beget_pool_submit(pool, &task, BEGET_TASK_OPTIONS(.flags = 0x1000), BEGET_CALL(nothing)),
	                 -EINVAL);
	assert_int_equal(beget_pool_submit(pool, &task, BEGET_TASK_OPTIONS(.limit_ms = -7), BEGET_CALL(nothing)),
	                 -EINVAL);
	assert_int_equal(beget_pool_next(pool, 0, NULL, NULL), -EINVAL);
	assert_int_equal(beget_pool_status(pool, NULL), -EINVAL);
	assert_int_equal(beget_task_join(NULL, 0, NULL), -EINVAL);
	assert_int_equal(beget_submit(NULL, &task, NULL, BEGET_CALL(nothing)), -EINVAL);
	process = start(method, BEGET_CALL(nothing));
	assert_int_equal(beget_submit(process, &task, NULL, BEGET_CALL(nothing)), -EINVAL);
	expect_exit(process, 0);
	assert_true(!none && !task);
	assert_int_equal(task_int(submit(pool, BEGET_CALL(add, 2, 3))), 5);
	beget_pool_free(pool);
	beget_pool_free(NULL);
	beget_task_free(NULL);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const struct behaviour behaviours[] = {
		BEHAVIOUR(one_by_one),
		BEHAVIOUR(results_of_each_kind),
		BEHAVIOUR(results_that_wait),
		BEHAVIOUR(few_wait_behind_long_ones),
		BEHAVIOUR(memory_comes_back),
		BEHAVIOUR(large_ones),
		BEHAVIOUR(descriptors_end_with_their_task),
		BEHAVIOUR(a_duplicate_stays),
		BEHAVIOUR(in_order_of_completion),
		BEHAVIOUR(in_order_of_submission),
		BEHAVIOUR(two_kinds_of_owner),
		BEHAVIOUR(tasks_outlive_their_pool),
		BEHAVIOUR(results_that_are_not_there),
		BEHAVIOUR(a_full_queue_refuses),
		BEHAVIOUR(a_full_queue_waits),
		BEHAVIOUR(canceled_tasks_never_run),
		BEHAVIOUR(all_canceled),
		BEHAVIOUR(a_freed_task_runs_and_touches_nothing),
		BEHAVIOUR(a_descriptor_to_poll),
		BEHAVIOUR(any_thread),
		BEHAVIOUR(refused_at_once),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
