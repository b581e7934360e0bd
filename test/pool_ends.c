/* Tasks that do not return, and their effect: they end their worker, and nothing else. With workers of each method. */
#include "pools.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

static int add(int a, int b)
{
	return a + b;
}

/* The ways in which a task ends. */

enum { BY_EXIT, BY_EXIT_0, BY_EXIT_AT_ONCE, BY_ABORT, BY_SIGKILL, BY_SEGV, WAYS };

static int end(int how)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){1, RLIM_INFINITY});
	switch (how) {
	case BY_EXIT: exit(3);
	case BY_EXIT_0: exit(0);
	case BY_EXIT_AT_ONCE: _exit(4);
	case BY_ABORT: abort();
	case BY_SIGKILL: raise(SIGKILL); break;
	case BY_SEGV: signal(SIGSEGV, SIG_DFL), raise(SIGSEGV); break;
	}
	return how;
}

static const struct {
	enum beget_outcome outcome;
	int code;
} fates[WAYS] = {
	{BEGET_EXITED, 3},         {BEGET_EXITED, 0},         {BEGET_EXITED, 4},
	{BEGET_SIGNALED, SIGABRT}, {BEGET_SIGNALED, SIGKILL}, {BEGET_SIGNALED, SIGSEGV},
};

static void each_end_is_the_tasks_alone(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2);
	struct beget_task *bad[WAYS], *fine[WAYS * 5];

	for (int i = 0; i < WAYS; i++) {
		bad[i] = submit(pool, BEGET_CALL(end, i));
		for (int k = 0; k < 5; k++)
			fine[i * 5 + k] = submit(pool, BEGET_CALL(add, i, k));
	}
	for (int i = 0; i < WAYS; i++) {
		int value;
		good(beget_task_join(bad[i], PATIENCE_MS, NULL));
		assert_int_equal(beget_task_result(bad[i], &value), -ENODATA);
		expect_task(bad[i], fates[i].outcome, fates[i].code);
		for (int k = 0; k < 5; k++)
			assert_int_equal(task_int(fine[i * 5 + k]), i + k);
	}
	assert_int_equal(status_of(pool).crashed, WAYS);
	beget_pool_free(pool);
}

static void sentences(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .limit_ms = 100);
	struct beget_task *task = submit(pool, BEGET_CALL(end, BY_EXIT));
	char text[400];

	good(beget_task_join(task, PATIENCE_MS, NULL));
	int n = beget_task_describe(task, text, sizeof(text));
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "3"));
	assert_int_equal(beget_task_describe(task, NULL, 0), n);
	beget_task_free(task);
	beget_pool_free(pool);
}

/* Counts each run. */

static int count_and_end(struct beget_buffer *counters, int i, int how)
{
	add_one(counters, i);
	return how < 0 ? i : end(how);
}

enum { MANY = 120 };

static void every_task_begins_once(enum beget_method method)
{
	volatile int *counters;
	struct beget_buffer *shared = shared_ints(MANY, &counters);
	struct beget_pool *pool = POOL(method, .workers = 2);
	struct beget_task *tasks[MANY];

	for (int i = 0; i < MANY; i++)
		tasks[i] = submit(pool, BEGET_CALL(count_and_end, shared, i, i % 10 == 3 ? BY_SIGKILL : -1));
	for (int i = 0; i < MANY; i++)
		if (i % 10 == 3)
			expect_task(tasks[i], BEGET_SIGNALED, SIGKILL);
		else
			assert_int_equal(task_int(tasks[i]), i);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(counters[i], 1);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static int end_at_first(struct beget_buffer *counters, int times)
{
	int n = add_one(counters, 0);

	return n <= times ? end(BY_ABORT) : n;
}

static void repeated_where_asked(enum beget_method method)
{
	volatile int *counters;
	struct beget_buffer *shared = shared_ints(1, &counters);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *task;

	good(beget_pool_submit(pool, &task, BEGET_TASK_OPTIONS(.retries = 2), BEGET_CALL(end_at_first, shared, 2)));
	assert_int_equal(task_int(task), 3);
	counters[0] = 0;
	good(beget_pool_submit(pool, &task, BEGET_TASK_OPTIONS(.retries = 2), BEGET_CALL(end_at_first, shared, 100)));
	expect_task(task, BEGET_SIGNALED, SIGABRT);
	assert_int_equal(counters[0], 3);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

/* Limits. */

static int pause_if(int yes)
{
	while (yes)
		pause();
	return 1;
}

static void a_limit_ends_one_task(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .limit_ms = 200);

	for (int round = 0; round < 3; round++) {
		struct beget_task *stuck = submit(pool, BEGET_CALL(pause_if, 1)), *fine[5];
		for (int i = 0; i < 5; i++)
			fine[i] = submit(pool, BEGET_CALL(pause_if, 0));
		expect_task(stuck, BEGET_TIMED_OUT, SIGKILL);
		for (int i = 0; i < 5; i++)
			assert_int_equal(task_int(fine[i]), 1);
	}
	assert_int_equal(status_of(pool).timed_out, 3);
	beget_pool_free(pool);
}

static void limits_of_tasks(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2, .limit_ms = 150);
	struct beget_task *longer, *forever, *shorter;

	good(beget_pool_submit(pool, &longer, BEGET_TASK_OPTIONS(.limit_ms = 20000), BEGET_CALL(nap, 400)));
	good(beget_pool_submit(pool, &forever, BEGET_TASK_OPTIONS(.limit_ms = BEGET_FOREVER), BEGET_CALL(nap, 400)));
	good(beget_pool_submit(pool, &shorter, BEGET_TASK_OPTIONS(.limit_ms = 50), BEGET_CALL(pause_if, 1)));
	expect_task(shorter, BEGET_TIMED_OUT, SIGKILL);
	assert_int_equal(task_int(longer), 400);
	assert_int_equal(task_int(forever), 400);
	beget_pool_free(pool);
}

/* A limit also holds for a worker that is stopped. */
static int stop(void)
{
	raise(SIGSTOP);
	return 1;
}

static void a_stopped_worker(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2, .limit_ms = 300);
	struct beget_task *stopped = submit(pool, BEGET_CALL(stop)), *fine[20];

	for (int i = 0; i < 20; i++)
		fine[i] = submit(pool, BEGET_CALL(add, i, 0));
	for (int i = 0; i < 20; i++)
		assert_int_equal(task_int(fine[i]), i);
	expect_task(stopped, BEGET_TIMED_OUT, SIGKILL);
	beget_pool_free(pool);
}

/* A limit also holds while the caller does not call the library. */
static int show_and_pause(struct beget_buffer *shown)
{
	*(volatile int *)beget_buffer_data(shown) = getpid();
	return pause_if(1);
}

static void a_limit_without_the_caller(enum beget_method method)
{
	volatile int *pid;
	struct beget_buffer *shown = shared_ints(1, &pid);
	struct beget_pool *pool = POOL(method, .workers = 1, .limit_ms = 200);
	struct beget_task *stuck = submit(pool, BEGET_CALL(show_and_pause, shown));

	assert_true(changes(pid, 0));
	assert_true(process_gone(*pid, PATIENCE_MS));
	expect_task(stuck, BEGET_TIMED_OUT, SIGKILL);
	beget_pool_free(pool);
	beget_buffer_free(shown);
}

/* The timer of the worker does not survive if the target executes another program; the caller kills that program. */
static int becomes_another(void)
{
	execlp("sleep", "sleep", "1000", (char *)NULL);
	return -1;
}

static void a_limit_of_another_program(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1, .limit_ms = 200);
	struct beget_task *other = submit(pool, BEGET_CALL(becomes_another)),
			  *fine = submit(pool, BEGET_CALL(add, 1, 2));

	expect_task(other, BEGET_TIMED_OUT, SIGKILL);
	assert_int_equal(task_int(fine), 3);
	beget_pool_free(pool);
}

/* Killed from outside. */

static void a_killed_task(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_task *held, *queued;

	good(beget_pool_submit(pool, &held, BEGET_TASK_OPTIONS(.retries = 5), BEGET_CALL(hold, shared)));
	queued = submit(pool, BEGET_CALL(add, 1, 2));
	assert_true(changes(&gate[0], 0));
	assert_int_equal(beget_task_kill(queued, SIGKILL), -ESRCH);
	assert_int_equal(beget_task_kill(held, 1000), -EINVAL);
	good(beget_task_kill(held, SIGKILL));
	expect_task(held, BEGET_SIGNALED, SIGKILL);
	assert_int_equal(gate[0], 1);
	good(beget_task_join(queued, PATIENCE_MS, NULL));
	assert_int_equal(beget_task_kill(queued, SIGKILL), -ESRCH);
	assert_int_equal(task_int(queued), 3);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

static void an_idle_worker_killed(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 1);

	for (int i = 0; i < 5; i++) {
		pid_t pid = task_int(submit(pool, BEGET_CALL(own_pid)));
		assert_int_equal(kill(pid, SIGKILL), 0);
		if (i % 2)
			process_gone(pid, PATIENCE_MS);
	}
	assert_int_equal(task_int(submit(pool, BEGET_CALL(add, 20, 3))), 23);
	assert_int_equal(status_of(pool).failed, 0);
	beget_pool_free(pool);
}

/* The channel is number 3 with forkserver and spawn; a hostile target finds it with fork too. */

static int channel_of(void)
{
	for (int fd = 3; fd < 100; fd++) {
		int type;
		socklen_t n = sizeof(type);
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET)
			return fd;
	}
	return -1;
}

static int write_garbage(int n)
{
	char bytes[600];

	memset(bytes, 0xa5, sizeof(bytes));
	return (int)write(channel_of(), bytes, (size_t)n);
}

static int close_channel(void)
{
	return close(channel_of());
}

static void hostile_targets(enum beget_method method)
{
	struct beget_pool *pool = POOL(method, .workers = 2, .limit_ms = 2000);
	struct beget_task *hostile[8], *fine[40];
	struct beget_status status;

	for (int i = 0; i < 8; i++) {
		hostile[i] = i % 2 ? submit(pool, BEGET_CALL(close_channel))
		                   : submit(pool, BEGET_CALL(write_garbage, i * 100 + 1));
		for (int k = 0; k < 5; k++)
			fine[i * 5 + k] = submit(pool, BEGET_CALL(add, i, k));
	}
	for (int i = 0; i < 40; i++)
		assert_int_equal(task_int(fine[i]), i / 5 + i % 5);
	for (int i = 0; i < 8; i++) {
		good(beget_task_join(hostile[i], PATIENCE_MS, &status));
		beget_task_free(hostile[i]);
	}
	beget_pool_free(pool);
}

/* Results that cannot be sent. */

enum { LARGE = 8 << 20, ABSURD = 40 };

static struct beget_bytes answer_bytes(int size_bits, int limited)
{
	static char small[16];

	if (size_bits == ABSURD)
		return (struct beget_bytes){small, (size_t)1 << size_bits};
	if (limited) {
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
	}
	return (struct beget_bytes){calloc(1, LARGE), LARGE};
}

/* The first fails after a part of it was sent, and the second is sent in pieces, because no file can be created. */
static void results_that_cannot_be_sent(enum beget_method method)
{
	not_under_asan("a target returns more bytes than there are");
	struct beget_pool *pool = POOL(method, .workers = 1);
	struct beget_bytes bytes;

	for (int round = 0; round < 2; round++) {
		struct beget_task *absurd = submit(pool, BEGET_CALL(answer_bytes, ABSURD, 0));
		struct beget_task *pieces = submit(pool, BEGET_CALL(answer_bytes, 0, 1));
		struct beget_task *fine = submit(pool, BEGET_CALL(add, 1, 2));
		expect_task(absurd, BEGET_FAILED, -EFAULT);
		good(beget_task_join(pieces, PATIENCE_MS, NULL));
		good(beget_task_result(pieces, &bytes));
		assert_int_equal(bytes.size, LARGE);
		beget_task_free(pieces);
		assert_int_equal(task_int(fine), 3);
	}
	assert_int_equal(status_of(pool).started, 1);
	beget_pool_free(pool);
}

/* Workers that cannot be started. */

static int refuse(int code)
{
	return code;
}

static void the_first_worker_fails(enum beget_method method)
{
	struct beget_pool *pool = NULL;
	int error = beget_pool_open(&pool, BEGET_POOL_OPTIONS(.start = BEGET_OPTIONS(.method = method),
	                                                      .prepare = BEGET_CALL(refuse, -ENOTTY)));

	assert_int_equal(error, -ENOTTY);
	error = beget_pool_open(&pool,
	                        BEGET_POOL_OPTIONS(.start = BEGET_OPTIONS(.method = method, .cwd = "/nonexistent")));
	assert_int_equal(error, -ENOENT);
	error = beget_pool_open(&pool, BEGET_POOL_OPTIONS(.start = BEGET_OPTIONS(.method = method),
	                                                  .prepare = BEGET_CALL(end, BY_ABORT)));
	assert_true(error < 0);
	assert_null(pool);
}

/* Succeeds once, then fails. */
static int refuse_later(struct beget_buffer *counters)
{
	return add_one(counters, 0) == 1 ? 0 : -ENOTTY;
}

static void starting_stops(enum beget_method method)
{
	volatile int *counters;
	struct beget_buffer *shared = shared_ints(1, &counters);
	struct beget_pool *pool = POOL(method, .workers = 1, .boots = 3, .prepare = BEGET_CALL(refuse_later, shared));
	struct beget_task *tasks[10], *late = NULL;

	expect_task(submit(pool, BEGET_CALL(end, BY_SIGKILL)), BEGET_SIGNALED, SIGKILL);
	for (int i = 0; i < 10; i++)
		if (beget_pool_submit(pool, &tasks[i], NULL, BEGET_CALL(add, i, i)) < 0)
			tasks[i] = NULL;
	for (int i = 0; i < 10; i++)
		if (tasks[i])
			expect_task(tasks[i], BEGET_FAILED, -ENOTTY);
	assert_int_equal(counters[0], 4);
	assert_int_equal(beget_pool_submit(pool, &late, NULL, BEGET_CALL(add, 1, 1)), -ENOTTY);
	beget_pool_free(pool);
	beget_buffer_free(shared);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const struct behaviour behaviours[] = {
		BEHAVIOUR(each_end_is_the_tasks_alone),
		BEHAVIOUR(sentences),
		BEHAVIOUR(every_task_begins_once),
		BEHAVIOUR(repeated_where_asked),
		BEHAVIOUR(a_limit_ends_one_task),
		BEHAVIOUR(limits_of_tasks),
		BEHAVIOUR(a_stopped_worker),
		BEHAVIOUR(a_limit_without_the_caller),
		BEHAVIOUR(a_limit_of_another_program),
		BEHAVIOUR(a_killed_task),
		BEHAVIOUR(an_idle_worker_killed),
		BEHAVIOUR(hostile_targets),
		BEHAVIOUR(results_that_cannot_be_sent),
		BEHAVIOUR(the_first_worker_fails),
		BEHAVIOUR(starting_stops),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
