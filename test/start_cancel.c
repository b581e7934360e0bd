/* Thread cancellation: join and wait can be cancelled and leave the handle valid; no other function is a cancellation
 * point, so that no result is lost. */
#include "harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void sleeper(void)
{
	for (;;)
		pause();
}

static int answers(int n)
{
	return n;
}

static void *joins(void *p)
{
	(void)beget_join(p, BEGET_FOREVER, NULL);
	return NULL;
}

enum { MANY = 10 };

static void *waits(void *ps)
{
	(void)beget_wait(ps, MANY, BEGET_FOREVER);
	return NULL;
}

/* Cancels the thread after us microseconds. */
static void *cancelled_after(void *(*body)(void *), void *argument, useconds_t us)
{
	void *result = NULL;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, body, argument), 0);
	usleep(us);
	(void)pthread_cancel(t); /* before glibc 2.36, ESRCH if the thread has ended */
	pthread_join(t, &result);
	return result;
}

static void in_join(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));

	for (useconds_t us = 0; us < 40; us++)
		assert_ptr_equal(cancelled_after(joins, p, us * 20), PTHREAD_CANCELED);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_end(p, BEGET_SIGNALED, SIGTERM);
}

static void in_wait(enum beget_method method)
{
	struct beget_process *p[MANY];

	for (int i = 0; i < MANY; i++)
		p[i] = start(method, BEGET_CALL(sleeper));
	for (useconds_t us = 0; us < 40; us++)
		assert_ptr_equal(cancelled_after(waits, p, us * 20), PTHREAD_CANCELED);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(beget_kill(p[i], SIGTERM), 0);
		expect_end(p[i], BEGET_SIGNALED, SIGTERM);
	}
}

/* While the process ends: either the join succeeded, or the next one does. */
static void in_join_at_the_end(enum beget_method method)
{
	for (useconds_t us = 0; us < 40; us++) {
		struct beget_process *p = start(method, BEGET_CALL(answers, 5));
		int value = 0;
		(void)cancelled_after(joins, p, us * 50);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, 5);
		beget_free(p);
	}
}

struct work {
	enum beget_method method;
	struct beget_process *ended, *sleeps, *started;
	int wrong;
};

/* A cancellation is pending all the time and would take effect at the first cancellation point. */
static void *uses_all(void *data)
{
	struct work *w = data;
	char text[100];
	int value = 0;

	pthread_cancel(pthread_self());
	w->wrong |= (beget_pid(w->sleeps) <= 0) << 0;
	w->wrong |= (beget_sentinel(w->sleeps) < 0) << 1;
	w->wrong |= (beget_describe(w->sleeps, text, sizeof(text)) <= 0) << 2;
	w->wrong |= (beget_kill(w->sleeps, SIGKILL) != 0) << 3;
	w->wrong |= (beget_result(w->ended, &value) != 0 || value != 7) << 4;
	beget_free(w->ended);
	w->wrong |= (beget_start(&w->started, BEGET_OPTIONS(.method = w->method, .flags = BEGET_UNSAFE_FORK),
	                         BEGET_CALL(answers, 9)) != 0)
	            << 5;
	w->wrong |= 1 << 6; /* unless the thread ends here */
	pthread_testcancel();
	w->wrong |= 1 << 7;
	return NULL;
}

static void nowhere_else(enum beget_method method)
{
	struct work w = {.method = method, .sleeps = start(method, BEGET_CALL(sleeper))};
	void *result = NULL;
	int value = 0;
	pthread_t t;

	w.ended = start(method, BEGET_CALL(answers, 7));
	assert_int_equal(beget_join(w.ended, 10000, NULL), 0);
	assert_int_equal(pthread_create(&t, NULL, uses_all, &w), 0);
	pthread_join(t, &result);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_int_equal(w.wrong, 1 << 6);
	expect_end(w.sleeps, BEGET_SIGNALED, SIGKILL);
	assert_int_equal(beget_join(w.started, 10000, NULL), 0);
	assert_int_equal(beget_result(w.started, &value), 0);
	assert_int_equal(value, 9);
	beget_free(w.started);
}

/* Each thread has its own cancellation state. */
static void state_is_kept(enum beget_method method)
{
	int before, after;

	for (int want = PTHREAD_CANCEL_ENABLE; want <= PTHREAD_CANCEL_DISABLE; want++) {
		pthread_setcancelstate(want, &before);
		expect_exit(start(method, BEGET_CALL(answers, 1)), 0);
		pthread_setcancelstate(before, &after);
		assert_int_equal(after, want);
	}
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(in_join),      BEHAVIOUR(in_wait),       BEHAVIOUR(in_join_at_the_end),
		BEHAVIOUR(nowhere_else), BEHAVIOUR(state_is_kept),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
