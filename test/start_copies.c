/* Copies of the caller, forked by it or started by the library: a copy cannot use the caller's handles and does not
 * damage them, and it can start its own processes. */
#include "host.h"
#include "os/libc.h"

#include <pthread.h>
#include <stdatomic.h>

static struct beget_process *handle, *freed;

static int answers(int n)
{
	return n;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

/* A bit for each call that does not fail with -ECHILD. */
static int not_refused(void)
{
	struct beget_status status;
	char text[100];
	int value;

	return (beget_join(handle, 0, &status) != -ECHILD) << 0 | (beget_join(handle, -1, NULL) != -ECHILD) << 1 |
	       (beget_wait(&handle, 1, -1) != -ECHILD) << 2 | (beget_result(handle, &value) != -ECHILD) << 3 |
	       (beget_kill(handle, SIGKILL) != -ECHILD) << 4 | (beget_sentinel(handle) != -ECHILD) << 5 |
	       (beget_pid(handle) != -ECHILD) << 6 | (beget_describe(handle, text, sizeof(text)) != -ECHILD) << 7;
}

static int answer_of(enum beget_method method, int n)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(answers, n)) < 0)
		return -1;
	if (beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0)
		value = -1;
	beget_free(p);
	return value;
}

/* Runs in a copy: its calls are refused, it frees handles of the parent, and starts a process. */
static int lives_as_a_copy(void)
{
	int wrong = not_refused();

	beget_free(handle);
	beget_free(NULL);
	if (wrong)
		return wrong;
	return answer_of(BEGET_FORK, 4) != 4 || answer_of(BEGET_SPAWN, 5) != 5 || answer_of(BEGET_FORKSERVER, 6) != 6
	               ? 1000
	               : 0;
}

static void forked_by_the_caller(enum beget_method method)
{
	int status;

	handle = start(method, BEGET_CALL(sleeper));
	for (int i = 0; i < 3; i++) {
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			_exit(lives_as_a_copy() ? 1 : 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(beget_join(handle, 0, NULL), -ETIMEDOUT);
	}
	assert_int_equal(beget_kill(handle, SIGTERM), 0);
	expect_end(handle, BEGET_SIGNALED, SIGTERM);
}

static void forked_by_the_library(enum beget_method method)
{
	handle = start(method, BEGET_CALL(sleeper));
	assert_int_equal(int_result(BEGET_FORK, BEGET_CALL(lives_as_a_copy)), 0);
	assert_int_equal(beget_join(handle, 0, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(handle, SIGTERM), 0);
	expect_end(handle, BEGET_SIGNALED, SIGTERM);
}

/* A handle with a result, and one that was freed while its process was running. */
static void after_the_end(enum beget_method method)
{
	int status, value;
	pid_t pid;

	handle = start(method, BEGET_CALL(answers, 8));
	freed = start(method, BEGET_CALL(sleeper));
	pid_t runs = beget_pid(freed);
	beget_free(freed);
	assert_int_equal(beget_join(handle, 10000, NULL), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(lives_as_a_copy() ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(beget_result(handle, &value), 0);
	assert_int_equal(value, 8);
	expect_exit(handle, 0);
	kill(runs, SIGKILL);
	assert_true(process_gone(runs, 10000));
	expect_exit(start(method, BEGET_CALL(answers, 0)), 0); /* reaps it */
}

/* A copy holds no descriptor that would hide the caller's end from its children, or theirs from the caller. */
static void a_copy_that_stays(enum beget_method method)
{
	int before = count_descriptors(), pipe_[2];

	handle = start(method, BEGET_CALL(answers, 3));
	(void)beget_pid(handle);
	assert_int_equal(pipe(pipe_), 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		int n = count_descriptors();
		if (write(pipe_[1], &n, sizeof(n)) != sizeof(n))
			_exit(1);
		sleeper();
	}
	int there = 0;
	assert_int_equal(read(pipe_[0], &there, sizeof(there)), sizeof(there));
	close(pipe_[0]);
	close(pipe_[1]);
	expect_exit(handle, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* the earlier ones except the helper's socket, and the pipe */
	assert_in_range(there, 2, before + 2);
}

/* A program whose fork handlers take a lock, and that starts processes while it holds that lock. */

static pthread_mutex_t own = BEGET__LIBC_RECURSIVE_MUTEX;
static atomic_bool done;
static enum beget_method by;

static void take(void)
{
	pthread_mutex_lock(&own);
}

static void release(void)
{
	pthread_mutex_unlock(&own);
}

static void renew(void)
{
	own = (pthread_mutex_t)BEGET__LIBC_RECURSIVE_MUTEX;
}

static void *forks(void *unused)
{
	while (!done) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return unused;
}

static void starts_holding_its_lock(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, forks, NULL) == 0);
	for (int i = 0; i < 50; i++) {
		struct beget_process *p;
		take();
		int error = beget_start(&p, BEGET_OPTIONS(.method = by, .flags = BEGET_UNSAFE_FORK),
		                        BEGET_CALL(answers, i));
		release();
		CHECK(error == 0);
		CHECK(beget_join(p, BEGET_FOREVER, NULL) == 0);
		beget_free(p);
	}
	done = true;
	pthread_join(thread, NULL);
}

/* musl's fork and that of glibc before 2.36 hold a lock while they run the handlers. */
static bool fork_locks_handlers(void)
{
#ifdef __GLIBC__
	return !__GLIBC_PREREQ(2, 36);
#else
	return true;
#endif
}

static void fork_handlers_with_a_lock(enum beget_method method)
{
	if (method == BEGET_FORK && fork_locks_handlers())
		skip();
	by = method;
	run_host(starts_holding_its_lock);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(forked_by_the_caller), BEHAVIOUR(forked_by_the_library),     BEHAVIOUR(after_the_end),
		BEHAVIOUR(a_copy_that_stays),    BEHAVIOUR(fork_handlers_with_a_lock),
	};

	beget_init(argc, argv);
	if (pthread_atfork(take, release, renew)) /* before the library is used */
		return 1;
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
