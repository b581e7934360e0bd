/* Sets: each process is returned once after its end, with its data, in any thread, and at a cost that does not grow
 * with the set. */
#include "fault.h"
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static int answer(int n)
{
	return n;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static struct beget_set *open_set(void)
{
	struct beget_set *set;

	if (beget_set_open(&set))
		fail_msg("%s", beget_error());
	return set;
}

static void add(struct beget_set *set, struct beget_process *p, void *data)
{
	if (beget_set_add(set, p, data))
		fail_msg("%s", beget_error());
}

static struct beget_process *next(struct beget_set *set, void **data)
{
	struct beget_process *p;

	if (beget_set_next(set, PATIENCE_MS, &p, data))
		fail_msg("%s", beget_error());
	return p;
}

static void kill_and_free(struct beget_process *p)
{
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
}

static void each_once(enum beget_method method)
{
	enum { N = 20 };
	int numbers[N], times[N] = {0};
	struct beget_set *set = open_set();
	struct beget_process *p, *sleeping = start(method, BEGET_CALL(sleeper));
	void *data;

	add(set, sleeping, NULL);
	for (int i = 0; i < N; i++) {
		numbers[i] = i;
		add(set, start(method, BEGET_CALL(answer, i)), &numbers[i]);
	}
	for (int i = 0; i < N; i++) {
		int value = -1;
		p = next(set, &data);
		assert_int_equal(beget_join(p, 0, NULL), 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, *(int *)data);
		times[value]++;
		beget_free(p);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(times[i], 1);
	assert_int_equal(beget_kill(sleeping, SIGKILL), 0);
	assert_ptr_equal(next(set, &data), sleeping);
	assert_null(data);
	assert_int_equal(beget_set_next(set, BEGET_FOREVER, &p, NULL), -ENOENT);
	expect_end(sleeping, BEGET_SIGNALED, SIGKILL);
	beget_set_free(set);
}

static void nothing_ends(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper)), *got = NULL;
	void *data = &set;

	add(set, p, NULL);
	assert_int_equal(beget_set_next(set, 0, &got, &data), -ETIMEDOUT);
	int64_t before = now_ms();
	assert_int_equal(beget_set_next(set, 100, &got, &data), -ETIMEDOUT);
	assert_in_range(now_ms() - before, 100, PATIENCE_MS);
	assert_null(got);
	assert_ptr_equal(data, &set);
	kill_and_free(p);
	beget_set_free(set);
}

static void ended_before(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(answer, 1));

	assert_int_equal(beget_join(p, PATIENCE_MS, NULL), 0);
	add(set, p, NULL);
	assert_ptr_equal(next(set, NULL), p);
	add(set, p, NULL); /* again */
	assert_ptr_equal(next(set, NULL), p);
	beget_free(p);
	beget_set_free(set);
}

static void members_leave(enum beget_method method)
{
	struct beget_set *set = open_set(), *other = open_set();
	struct beget_process *removed = start(method, BEGET_CALL(answer, 1)), *got;
	struct beget_process *freed = start(method, BEGET_CALL(answer, 2));

	add(set, removed, NULL);
	add(set, freed, NULL);
	assert_int_equal(beget_set_add(other, removed, NULL), -EBUSY);
	assert_non_null(strstr(beget_error(), "in a set already"));
	assert_int_equal(beget_set_remove(other, removed), -ENOENT);
	assert_int_equal(beget_set_remove(set, removed), 0);
	assert_int_equal(beget_set_remove(set, removed), -ENOENT);
	pid_t pid = beget_pid(freed);
	beget_free(freed);
	assert_int_equal(beget_set_next(set, 0, &got, NULL), -ENOENT);
	add(other, removed, NULL);
	beget_set_free(other);
	add(set, removed, NULL); /* a freed set has no members */
	assert_ptr_equal(next(set, NULL), removed);
	assert_true(process_gone(pid, PATIENCE_MS));
	beget_free(removed); /* and what has been freed before */
	beget_set_free(set);
}

static void in_an_event_loop(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	struct pollfd loop = {.fd = beget_set_sentinel(set), .events = POLLIN};

	add(set, p, NULL);
	assert_int_equal(poll(&loop, 1, 0), 0);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_int_equal(poll(&loop, 1, PATIENCE_MS), 1);
	assert_ptr_equal(next(set, NULL), p);
	assert_int_equal(poll(&loop, 1, 0), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	beget_set_free(set);
}

static void one_that_is_never_born(enum beget_method method)
{
	struct beget_set *set = open_set();
	pid_t helper = helper_pid();
	struct beget_process *p;

	assert_int_equal(kill(helper, SIGSTOP), 0);
	add(set, p = start(method, BEGET_CALL(sleeper)), NULL);
	assert_int_equal(beget_set_next(set, 0, &p, NULL), -ETIMEDOUT);
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_ptr_equal(next(set, NULL), p);
	assert_int_equal(beget_join(p, PATIENCE_MS, NULL), 0);
	beget_free(p);
	beget_set_free(set);
}

/* Several threads. */

static void *takes_all(void *set)
{
	struct beget_process *p;
	intptr_t taken = 0;
	int error;

	while (!(error = beget_set_next(set, BEGET_FOREVER, &p, NULL))) {
		taken++;
		(void)beget_join(p, PATIENCE_MS, NULL);
		beget_free(p);
	}
	return (void *)(error == -ENOENT ? taken : -1);
}

/* Returns when the thread is probably waiting. */
static pthread_t start_a_waiter(struct beget_set *set)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, takes_all, set), 0);
	sleep_ms(20);
	return thread;
}

static void several_threads(enum beget_method method)
{
	enum { THREADS = 4, N = 24 };
	struct beget_set *set = open_set();
	struct beget_process *last = start(method, BEGET_CALL(sleeper));
	pthread_t threads[THREADS];
	intptr_t taken = 0;
	void *its;

	add(set, last, NULL);
	for (int i = 0; i < N; i++)
		add(set, start(method, BEGET_CALL(answer, i)), NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, takes_all, set), 0);
	sleep_ms(20);
	assert_int_equal(beget_kill(last, SIGKILL), 0); /* three threads wait for it in vain */
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &its), 0);
		assert_true((intptr_t)its >= 0);
		taken += (intptr_t)its;
	}
	assert_int_equal(taken, N + 1);
	assert_int_equal(poll(&(struct pollfd){.fd = beget_set_sentinel(set), .events = POLLIN}, 1, 0), 0);
	beget_set_free(set);
}

static void the_last_is_removed(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	void *taken;

	add(set, p, NULL);
	pthread_t thread = start_a_waiter(set);
	assert_int_equal(beget_set_remove(set, p), 0);
	assert_int_equal(pthread_join(thread, &taken), 0);
	assert_int_equal((intptr_t)taken, 0);
	kill_and_free(p);
	beget_set_free(set);
}

static void a_cancelled_wait(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	void *end;

	add(set, p, NULL);
	pthread_t thread = start_a_waiter(set);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_ptr_equal(next(set, NULL), p);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	beget_set_free(set);
}

/* In a copy, the set is refused and may be freed; the original works on. */
static void a_copy_of_the_caller(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper)), *got;
	int status;

	add(set, p, NULL);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		bool refused = beget_set_next(set, 0, &got, NULL) == -ECHILD &&
		               beget_set_add(set, p, NULL) == -ECHILD && beget_set_remove(set, p) == -ECHILD &&
		               beget_set_sentinel(set) == -ECHILD;
		beget_free(p);
		beget_set_free(set);
		_exit(!refused);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(beget_set_next(set, 0, &got, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_ptr_equal(next(set, NULL), p);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	beget_set_free(set);
}

static void bad_arguments(enum beget_method method)
{
	struct beget_set *set = open_set();
	struct beget_process *p = start(method, BEGET_CALL(sleeper)), *got;

	assert_int_equal(beget_set_open(NULL), -EINVAL);
	assert_int_equal(beget_set_add(NULL, p, NULL), -EINVAL);
	assert_non_null(strstr(beget_error(), "cannot add a process: the set is NULL"));
	assert_int_equal(beget_set_add(set, NULL, NULL), -EINVAL);
	assert_int_equal(beget_set_remove(NULL, p), -EINVAL);
	assert_int_equal(beget_set_remove(set, NULL), -EINVAL);
	assert_int_equal(beget_set_next(NULL, 0, &got, NULL), -EINVAL);
	add(set, p, NULL);
	assert_int_equal(beget_set_next(set, 0, NULL, NULL), -EINVAL);
	assert_int_equal(beget_set_sentinel(NULL), -EINVAL);
	beget_set_free(NULL);
	kill_and_free(p);
	beget_set_free(set);
}

/* Each call of the system fails in turn, and nothing stays behind. */
static void calls_fail(enum beget_method method)
{
	static const char *const calls[] = {" epoll_create ", " eventfd ", " epoll_ctl ", " alloc "};
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	struct beget_set *set = NULL;

	assert_true(beget_sentinel(p) >= 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int before = count_descriptors();
		fault_nth(calls[i], 1, ENOMEM);
		assert_int_equal(beget_set_open(&set), -ENOMEM);
		assert_int_equal(fault_off(), 1);
		assert_null(set);
		assert_non_null(strstr(beget_error(), "cannot open a set"));
		assert_int_equal(count_descriptors(), before);
	}
	int before = count_descriptors();
	set = open_set();
	assert_int_equal(count_descriptors(), before + 2);
	fault_nth(" epoll_ctl ", 1, ENOSPC);
	assert_int_equal(beget_set_add(set, p, NULL), -ENOSPC);
	assert_int_equal(fault_off(), 1);
	assert_non_null(strstr(beget_error(), "to a set"));
	add(set, p, NULL);
	kill_and_free(p);
	beget_set_free(set);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(each_once),        BEHAVIOUR(nothing_ends),
		BEHAVIOUR(ended_before),     BEHAVIOUR(members_leave),
		BEHAVIOUR(in_an_event_loop), BEHAVIOUR_OF(one_that_is_never_born, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(several_threads),  BEHAVIOUR(the_last_is_removed),
		BEHAVIOUR(a_cancelled_wait), BEHAVIOUR(a_copy_of_the_caller),
		BEHAVIOUR(bad_arguments),    BEHAVIOUR(calls_fail),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
