/* Single workers: ordinary handles of children that stay, what they keep from task to task and what not, and how they
 * end. With each method. */
#include "pools.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static struct beget_process *worker_of(enum beget_method method, const struct beget_call *prepare)
{
	struct beget_process *worker = NULL;

	good(beget_worker(&worker, BEGET_OPTIONS(.method = method), prepare));
	return worker;
}

static struct beget_task *give(struct beget_process *worker, const struct beget_call *call)
{
	struct beget_task *task = NULL;

	good(beget_submit(worker, &task, NULL, call));
	return task;
}

/* Ends the worker with its exit code, and frees it. */
static void dismiss(struct beget_process *worker, int code)
{
	struct beget_status status;

	expect_task(give(worker, BEGET_CALL(exit, code)), BEGET_EXITED, code);
	good(beget_join(worker, PATIENCE_MS, &status));
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_int_equal(status.code, code);
	beget_free(worker);
}

/* What a worker keeps. */

static int sum;

static int add(int n)
{
	return sum += n;
}

static void memory_stays(enum beget_method method)
{
	struct beget_process *worker = worker_of(method, BEGET_CALL(add, 1000));

	for (int i = 1; i <= 100; i++)
		assert_int_equal(task_int(give(worker, BEGET_CALL(add, i))), 1000 + i * (i + 1) / 2);
	assert_int_equal(sum, 0);
	assert_int_equal(task_int(give(worker, BEGET_CALL(own_pid))), beget_pid(worker));
	dismiss(worker, 0);
}

static void on_user(int n)
{
	sum = n;
}

static int set_state(void)
{
	signal(SIGUSR1, on_user);
	umask(0123);
	return chdir("/usr") | setenv("BEGET_TEST_WORD", "kept", 1);
}

static int state_is_kept(void)
{
	char path[100];
	const char *word = getenv("BEGET_TEST_WORD");

	raise(SIGUSR1);
	return sum == SIGUSR1 && umask(0123) == 0123 && getcwd(path, sizeof(path)) && strcmp(path, "/usr") == 0 &&
	       word && strcmp(word, "kept") == 0;
}

static void state_stays(enum beget_method method)
{
	struct beget_process *worker = worker_of(method, NULL);

	assert_int_equal(task_int(give(worker, BEGET_CALL(set_state))), 0);
	assert_int_equal(task_int(give(worker, BEGET_CALL(state_is_kept))), 1);
	dismiss(worker, 7);
}

/* Output. */

static void print(const char *text)
{
	fputs(text, stdout);
}

static void output_comes_with_the_task(enum beget_method method)
{
	struct beget_process *worker = NULL;
	char text[100] = "";
	int out;

	good(beget_worker(&worker, BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&out)), NULL));
	for (int i = 0; i < 3; i++) {
		expect_task(give(worker, BEGET_CALL(print, "without a newline")), BEGET_EXITED, 0);
		assert_int_equal(read(out, text, sizeof(text)), strlen("without a newline"));
	}
	dismiss(worker, 0);
	close(out);
}

/* Ends of a worker. */

static void at_exit(void)
{
	fputs("at exit", stdout);
}

static int register_handler(void)
{
	return atexit(at_exit);
}

static void handlers_run_at_the_end(enum beget_method method)
{
	struct beget_process *worker = NULL;
	char text[100] = "";
	int out;

	good(beget_worker(&worker, BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&out)), NULL));
	assert_int_equal(task_int(give(worker, BEGET_CALL(register_handler))), 0);
	dismiss(worker, 0);
	assert_int_equal(read(out, text, sizeof(text)), 7);
	assert_string_equal(text, "at exit");
	close(out);
}

static void killed_with_its_tasks(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_process *worker = worker_of(method, NULL);
	struct beget_task *held = give(worker, BEGET_CALL(hold, shared)), *waiting[5], *late = NULL;
	struct beget_status status;

	for (int i = 0; i < 5; i++)
		waiting[i] = give(worker, BEGET_CALL(hold, shared));
	assert_true(changes(&gate[0], 0));
	assert_int_equal(beget_join(worker, 0, NULL), -ETIMEDOUT);
	good(beget_kill(worker, SIGTERM));
	expect_task(held, BEGET_SIGNALED, SIGTERM);
	for (int i = 0; i < 5; i++)
		expect_task(waiting[i], BEGET_CANCELED, 0);
	good(beget_join(worker, PATIENCE_MS, &status));
	assert_true(status.outcome == BEGET_SIGNALED && status.code == SIGTERM);
	assert_int_equal(beget_submit(worker, &late, NULL, BEGET_CALL(own_pid)), -ESRCH);
	assert_null(late);
	assert_int_equal(gate[0], 1);
	beget_free(worker);
	beget_buffer_free(shared);
}

static void nothing(void)
{
}

/* A start reaps children whose handles were freed. */
static void reap(pid_t pid)
{
	assert_true(process_gone(pid, PATIENCE_MS));
	expect_exit(start(BEGET_FORKSERVER, BEGET_CALL(nothing)), 0);
}

static void freed(enum beget_method method)
{
	volatile int *gate;
	struct beget_buffer *shared = shared_ints(2, &gate);
	struct beget_process *worker = worker_of(method, NULL);
	struct beget_task *held = give(worker, BEGET_CALL(hold, shared));
	struct beget_task *waiting = give(worker, BEGET_CALL(hold, shared));

	pid_t pid = beget_pid(worker);
	assert_true(changes(&gate[0], 0));
	beget_free(worker);
	expect_task(waiting, BEGET_CANCELED, 0);
	beget_task_free(held);
	gate[1] = 1;
	reap(pid);
	assert_int_equal(gate[0], 1);
	beget_buffer_free(shared);
}

static void idle_and_freed(enum beget_method method)
{
	struct beget_process *worker = worker_of(method, NULL);
	pid_t pid = task_int(give(worker, BEGET_CALL(own_pid)));

	beget_free(worker);
	reap(pid);
}

static int refuse(int code)
{
	return code;
}

static void prepare_refuses(enum beget_method method)
{
	struct beget_process *worker = NULL;
	const struct beget_options *options = BEGET_OPTIONS(.method = method);

	assert_int_equal(beget_worker(&worker, options, BEGET_CALL(refuse, -ENOTTY)), -ENOTTY);
	assert_non_null(strstr(beget_error(), "refuse"));
	assert_true(beget_worker(&worker, options, BEGET_CALL(exit, 3)) < 0);
	assert_true(beget_worker(&worker, options, BEGET_CALL(abort)) < 0);
	assert_null(worker);
	dismiss(worker_of(method, BEGET_CALL(refuse, 1)), 0);
}

/* Nothing accumulates. */
static int resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = -1;
	if (f)
		fclose(f);
	return (int)(pages * 4);
}

static size_t lengths(const char *text, struct beget_bytes bytes, int *out, size_t n)
{
	memset(out, 1, n * sizeof(*out));
	return strlen(text) + bytes.size;
}

static void mixed_tasks(struct beget_process *worker, int n)
{
	static char large[200000];
	int out[100];

	for (int i = 0; i < n; i++) {
		size_t size = i % 100 ? 100 : sizeof(large), value = 0;
		struct beget_task *task = give(
			worker, BEGET_CALL(lengths, "text", BEGET_BYTES(large, size), BEGET_OUT(out), (size_t)100));
		good(beget_task_join(task, PATIENCE_MS, NULL));
		good(beget_task_result(task, &value));
		assert_int_equal(value, size + 4);
		beget_task_free(task);
	}
}

static void nothing_gathers(enum beget_method method)
{
	not_under_asan("its allocator keeps what was freed");
	not_under_valgrind("its own memory grows");
	struct beget_process *worker = worker_of(method, NULL);

	mixed_tasks(worker, often(2000));
	int there = task_int(give(worker, BEGET_CALL(resident_kib))), here = resident_kib();
	int descriptors_there = task_int(give(worker, BEGET_CALL(count_descriptors))),
	    descriptors_here = count_descriptors();
	mixed_tasks(worker, often(20000));
	assert_true(task_int(give(worker, BEGET_CALL(resident_kib))) - there < 500);
	assert_true(resident_kib() - here < 500);
	assert_int_equal(task_int(give(worker, BEGET_CALL(count_descriptors))), descriptors_there);
	assert_int_equal(count_descriptors(), descriptors_here);
	dismiss(worker, 0);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const struct behaviour behaviours[] = {
		BEHAVIOUR(memory_stays),
		BEHAVIOUR(state_stays),
		BEHAVIOUR(output_comes_with_the_task),
		BEHAVIOUR(handlers_run_at_the_end),
		BEHAVIOUR(killed_with_its_tasks),
		BEHAVIOUR(freed),
		BEHAVIOUR(idle_and_freed),
		BEHAVIOUR(prepare_refuses),
		BEHAVIOUR(nothing_gathers),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
