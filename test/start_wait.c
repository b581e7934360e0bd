/* Waiting: a join returns the right status in time, whatever the target does, from any thread and as often as it is
 * called. The sentinel shows when. Before the end, beget_result and beget_kill return their errors. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

static int answer(int n)
{
	return n;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static void waits_for_end(struct beget_fd pipe)
{
	char c;

	(void)!read(pipe.fd, &c, 1);
}

static void naps(int ms)
{
	sleep_ms(ms);
}

static void expect_killed(struct beget_process *p)
{
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
}

/* Join. */

static void timeouts(enum beget_method method)
{
	struct beget_status status = {.code = 77};
	struct beget_process *p = start(method, BEGET_CALL(sleeper));

	assert_int_equal(beget_join(p, 0, &status), -ETIMEDOUT);
	int64_t before = now_ms();
	assert_int_equal(beget_join(p, 100, &status), -ETIMEDOUT);
	assert_in_range(now_ms() - before, 100, 20000);
	assert_int_equal(status.code, 77);
	assert_non_null(strstr(beget_error(), "cannot join sleeper (process "));
	assert_non_null(strstr(beget_error(), "still running"));
	expect_killed(p);
}

static void again_after_the_end(enum beget_method method)
{
	struct beget_status first, second;
	struct beget_process *p = start(method, BEGET_CALL(answer, 1));

	memset(&first, 1, sizeof(first));
	memset(&second, 2, sizeof(second));
	assert_int_equal(beget_join(p, BEGET_FOREVER, &first), 0);
	assert_int_equal(beget_join(p, 0, &second), 0);
	assert_int_equal(beget_join(p, -5, NULL), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	beget_free(p);
}

static void *joins(void *p)
{
	static _Thread_local struct beget_status status;

	if (beget_join(p, 20000, &status) < 0)
		return NULL;
	return (void *)(intptr_t)(1000 + (int)status.outcome * 100 + status.code);
}

static void by_two_threads(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	pthread_t t[2];
	void *got[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, joins, p), 0);
	sleep_ms(20);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &got[i]);
	for (int i = 0; i < 2; i++)
		assert_int_equal((intptr_t)got[i], 1000 + BEGET_SIGNALED * 100 + SIGTERM);
	beget_free(p);
}

static void *joins_often(void *p)
{
	int error;

	while ((error = beget_join(p, 0, NULL)) == -ETIMEDOUT)
		sleep_ms(1);
	return (void *)(intptr_t)error;
}

/* One thread receives the message with the pid while the other waits for it. */
static void asked_by_two_threads(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	pthread_t t;
	void *error;

	assert_int_equal(pthread_create(&t, NULL, joins_often, p), 0);
	assert_true(beget_pid(p) > 0);
	assert_true(beget_sentinel(p) >= 0);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	pthread_join(t, &error);
	assert_null(error);
	expect_end(p, BEGET_SIGNALED, SIGTERM);
}

static void before_and_after_the_end(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(answer, 3)), *sleeping = start(method, BEGET_CALL(sleeper));
	int value = 5;
	long other = 5;

	assert_int_equal(beget_result_as(sleeping, BEGET_TYPE_INT, sizeof(int), &value), -EBUSY);
	assert_int_equal(beget_kill(sleeping, 0), 0);
	assert_int_equal(beget_kill(sleeping, 4711), -EINVAL);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &other), -EINVAL);
	assert_non_null(strstr(beget_error(), "the result is an int, not a long"));
	assert_int_equal(beget_result_as(p, BEGET_TYPE_VOID, 0, &other), -EINVAL);
	assert_int_equal(beget_result_as(p, BEGET_TYPE_INT, sizeof(int), NULL), -EINVAL);
	assert_int_equal(beget_result_as(p, BEGET_TYPE_INT, sizeof(int) + 1, &value), -EINVAL);
	assert_int_equal(other, 5);
	assert_int_equal(value, 5);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(beget_kill(p, SIGTERM), -ESRCH);
	assert_true(beget_pid(p) > 0);
	beget_free(p);
	expect_killed(sleeping);
}

/* A process that has ended but has not been joined cannot be signalled either. */
static void kill_at_the_end(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(answer, 3));
	struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};

	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(beget_kill(p, SIGTERM), -ESRCH);
	expect_exit(p, 0);
}

static void no_handle(enum beget_method method)
{
	char text[10];
	int value;

	(void)method;
	assert_int_equal(beget_join(NULL, 0, NULL), -EINVAL);
	assert_int_equal(beget_result_as(NULL, BEGET_TYPE_INT, sizeof(int), &value), -EINVAL);
	assert_int_equal(beget_kill(NULL, SIGTERM), -EINVAL);
	assert_int_equal(beget_sentinel(NULL), -EINVAL);
	assert_int_equal(beget_pid(NULL), -EINVAL);
	assert_int_equal(beget_describe(NULL, text, sizeof(text)), -EINVAL);
	beget_free(NULL);
}

/* Signals to the caller. */

static volatile sig_atomic_t handled;

static void count(int signal)
{
	(void)signal;
	handled++;
}

static void *disturbs(void *thread)
{
	for (int i = 0; i < 20; i++) {
		sleep_ms(5);
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
	}
	return NULL;
}

static void interrupted(enum beget_method method)
{
	struct sigaction action = {.sa_handler = count}, before;
	struct beget_process *p = start(method, BEGET_CALL(naps, 300));
	pthread_t self = pthread_self(), t;

	handled = 0;
	sigaction(SIGUSR1, &action, &before);
	assert_int_equal(pthread_create(&t, NULL, disturbs, &self), 0);
	int joined = beget_join(p, 20000, NULL), waited = beget_wait(&p, 1, 20000);
	pthread_join(t, NULL);
	sigaction(SIGUSR1, &before, NULL);
	assert_int_equal(joined, 0);
	assert_int_equal(waited, 0);
	assert_true(handled > 0);
	expect_exit(p, 0);
}

static void interrupted_until_the_timeout(enum beget_method method)
{
	struct sigaction action = {.sa_handler = count}, before;
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &action, &before);
	assert_int_equal(pthread_create(&t, NULL, disturbs, &self), 0);
	int64_t from = now_ms();
	int waited = beget_wait(&p, 1, 60), joined = beget_join(p, 60, NULL);
	int64_t took = now_ms() - from;
	pthread_join(t, NULL);
	sigaction(SIGUSR1, &before, NULL);
	assert_int_equal(waited, -ETIMEDOUT);
	assert_int_equal(joined, -ETIMEDOUT);
	assert_in_range(took, 120, 20000);
	expect_killed(p);
}

/* Wait. */

static void exactly_one(enum beget_method method)
{
	struct beget_process *p[5] = {NULL};

	for (int i = 0; i < 5; i++)
		if (i != 1) /* a finished entry */
			p[i] = start(method, BEGET_CALL(sleeper));
	assert_int_equal(beget_wait(p, 5, 0), -ETIMEDOUT);
	assert_int_equal(beget_wait(p, 5, 50), -ETIMEDOUT);
	assert_int_equal(beget_kill(p[3], SIGTERM), 0);
	assert_int_equal(beget_wait(p, 5, 10000), 3);
	assert_int_equal(beget_wait(p, 5, 0), 3);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(beget_join(p[3], 0, NULL), 0);
		if (p[i] && i != 3)
			expect_killed(p[i]);
	}
	expect_end(p[3], BEGET_SIGNALED, SIGTERM);
}

static void none_to_wait_for(enum beget_method method)
{
	struct beget_process *p[3] = {NULL};

	(void)method;
	assert_int_equal(beget_wait(p, 3, 0), -EINVAL);
	assert_int_equal(beget_wait(p, 0, 0), -EINVAL);
	assert_int_equal(beget_wait(NULL, 0, 0), -EINVAL);
	assert_int_equal(beget_wait(NULL, 3, 0), -EINVAL);
}

/* The kernel polls at most as many descriptors as a process may have; finished entries do not count. */
static void more_entries_than_descriptors(enum beget_method method)
{
	enum { N = 3000, LAST = N - 1 };
	static struct beget_process *p[N];
	struct rlimit before, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	p[7] = start(method, BEGET_CALL(sleeper));
	p[LAST] = start(method, BEGET_CALL(sleeper));
	assert_int_equal(beget_wait(p, N, 30), -ETIMEDOUT);
	assert_int_equal(beget_kill(p[LAST], SIGTERM), 0);
	assert_int_equal(beget_wait(p, N, 5000), LAST);
	expect_end(p[LAST], BEGET_SIGNALED, SIGTERM);
	expect_killed(p[7]);
	p[7] = p[LAST] = NULL;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void in_the_order_of_their_ends(enum beget_method method)
{
	static const int order[] = {4, 0, 3, 1, 2};
	struct beget_process *p[5];

	for (int i = 0; i < 5; i++)
		p[i] = start(method, BEGET_CALL(sleeper));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(beget_kill(p[order[i]], SIGKILL), 0);
		assert_int_equal(beget_wait(p, 5, 10000), order[i]);
		expect_end(p[order[i]], BEGET_SIGNALED, SIGKILL);
		p[order[i]] = NULL;
	}
}

static void three_hundred(enum beget_method method)
{
	enum { N = 300 };
	struct beget_process *p[N];
	int value, n = often(N);

	for (int i = 0; i < n; i++)
		p[i] = start(method, BEGET_CALL(answer, i));
	for (int left = n; left > 0; left--) {
		int i = beget_wait(p, (size_t)n, 30000);
		assert_in_range(i, 0, n - 1);
		assert_int_equal(beget_result(p[i], &value), 0);
		assert_int_equal(value, i);
		beget_free(p[i]);
		p[i] = NULL;
	}
}

/* The sentinel. */

static void sentinel_in_poll(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};

	assert_int_equal(poll(&end, 1, 20), 0);
	assert_int_equal(beget_sentinel(p), end.fd);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_true(end.revents & POLLIN);
	assert_int_equal(beget_join(p, 0, NULL), 0);
	end.revents = 0;
	assert_int_equal(poll(&end, 1, 0), 1);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
}

static void sentinel_in_epoll(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 9}, got = {.events = 0};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, beget_sentinel(p), &event), 0);
	assert_int_equal(epoll_wait(epoll, &got, 1, 20), 0);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_int_equal(epoll_wait(epoll, &got, 1, 10000), 1);
	assert_int_equal(got.data.u32, 9);
	assert_true(got.events & EPOLLIN);
	assert_int_equal(beget_join(p, 0, NULL), 0);
	close(epoll);
	beget_free(p);
}

static int select_on(int fd, int ms)
{
	struct timeval timeout = {ms / 1000, ms % 1000 * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &timeout);
}

static void sentinel_in_select(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));

	assert_int_equal(select_on(beget_sentinel(p), 20), 0);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_int_equal(select_on(beget_sentinel(p), 10000), 1);
	assert_int_equal(beget_join(p, 0, NULL), 0);
	beget_free(p);
}

static void join_after_the_sentinel(enum beget_method method)
{
	for (int i = 0, n = often(200); i < n; i++) {
		struct beget_process *p = start(method, BEGET_CALL(answer, i));
		struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};
		struct beget_status status;
		int value;
		assert_int_equal(poll(&end, 1, 10000), 1);
		if (beget_join(p, 0, &status) < 0)
			fail_msg("join %d: %s", i, beget_error());
		assert_int_equal(status.outcome, BEGET_EXITED);
		assert_int_equal(status.code, 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, i);
		beget_free(p);
	}
}

/* After the join, a handle holds no descriptor except a sentinel that the user requested. */
static void joined_handles(enum beget_method method)
{
	enum { N = 20 };
	struct beget_process *p[N];
	int value;

	(void)helper_pid();
	int before = count_descriptors();
	for (int i = 0; i < N; i++) {
		p[i] = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED), BEGET_CALL(answer, i));
		assert_int_equal(beget_join(p[i], 10000, NULL), 0);
	}
	assert_int_equal(count_descriptors(), before);
	struct pollfd end = {.fd = beget_sentinel(p[0]), .events = POLLIN};
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_int_equal(end.revents, POLLIN);
	assert_int_equal(beget_sentinel(p[0]), end.fd);
	assert_int_equal(select_on(end.fd, 0), 1);
	for (int i = 0; i < N; i++) {
		assert_int_equal(beget_join(p[i], 0, NULL), 0);
		assert_int_equal(beget_result(p[i], &value), 0);
		assert_int_equal(value, i);
		beget_free(p[i]);
	}
	assert_int_equal(count_descriptors(), before);
}

/* The sentinel exists before the child, stays the same, and reports only the end. */
static void sentinel_of_one_that_is_not_born(enum beget_method method)
{
	pid_t helper = helper_pid();
	int from[2];

	assert_int_equal(pipe(from), 0);
	assert_int_equal(kill(helper, SIGSTOP), 0);
	struct beget_process *p = start(method, BEGET_CALL(waits_for_end, (struct beget_fd){from[0]}));
	struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};
	assert_true(end.fd >= 0);
	assert_int_equal(poll(&end, 1, 20), 0);
	assert_int_equal(kill(helper, SIGCONT), 0);
	assert_true(beget_pid(p) > 0);
	assert_int_equal(beget_sentinel(p), end.fd);
	assert_int_equal(poll(&end, 1, 20), 0);
	close(from[1]);
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(end.revents, POLLIN);
	assert_int_equal(beget_join(p, 0, NULL), 0);
	assert_int_equal(poll(&end, 1, 0), 1);
	close(from[0]);
	expect_exit(p, 0);
}

static void sentinel_of_one_that_is_never_born(enum beget_method method)
{
	pid_t helper = helper_pid();

	assert_int_equal(kill(helper, SIGSTOP), 0);
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};
	assert_int_equal(poll(&end, 1, 0), 0);
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(poll(&end, 1, 0), 1);
	beget_free(p);
}

/* Another program takes the child's place, without descriptors that the library left. */

static void executes(const char *path, const char *argument)
{
	execl(path, path, argument, (char *)NULL);
	_exit(99);
}

static void another_program(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(executes, "/bin/sleep", "0.2"));
	int value;

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), -ENODATA);
	expect_exit(p, 0);
	expect_exit(start(method, BEGET_CALL(executes, "/bin/false", (const char *)NULL)), 1);
}

static void another_program_is_signalled(enum beget_method method)
{
	not_under_valgrind("a signal that comes while it begins another program is lost");
	struct beget_process *p = start(method, BEGET_CALL(executes, "/bin/sleep", "1000"));
	assert_int_equal(beget_join(p, 20, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_end(p, BEGET_SIGNALED, SIGTERM);
}

/* Resource usage. */

static int works(int ms)
{
	struct timespec t;
	volatile unsigned n = 0;

	do {
		for (int i = 0; i < 10000; i++)
			n += (unsigned)i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
	return n != 1;
}

static void times(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(works, 60));
	struct beget_status status;

	assert_int_equal(beget_join(p, 30000, &status), 0);
	assert_in_range(status.user_us + status.system_us, 50000, 20000000);
	assert_true(status.user_us > 0);
	assert_true(status.system_us >= 0);
	assert_in_range(status.peak_kib, 100, INT64_C(1) << 32);
	beget_free(p);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(timeouts),
		BEHAVIOUR(again_after_the_end),
		BEHAVIOUR(by_two_threads),
		BEHAVIOUR(asked_by_two_threads),
		BEHAVIOUR(before_and_after_the_end),
		BEHAVIOUR(kill_at_the_end),
		BEHAVIOUR_OF(no_handle, BY(BEGET_FORK)),
		BEHAVIOUR(more_entries_than_descriptors),
		BEHAVIOUR(interrupted),
		BEHAVIOUR(interrupted_until_the_timeout),
		BEHAVIOUR(exactly_one),
		BEHAVIOUR_OF(none_to_wait_for, BY(BEGET_FORK)),
		BEHAVIOUR(in_the_order_of_their_ends),
		BEHAVIOUR(three_hundred),
		BEHAVIOUR(sentinel_in_poll),
		BEHAVIOUR(sentinel_in_epoll),
		BEHAVIOUR(sentinel_in_select),
		BEHAVIOUR(join_after_the_sentinel),
		BEHAVIOUR(joined_handles),
		BEHAVIOUR_OF(sentinel_of_one_that_is_not_born, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(sentinel_of_one_that_is_never_born, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(another_program),
		BEHAVIOUR(another_program_is_signalled),
		BEHAVIOUR(times),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
