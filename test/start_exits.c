/* The rarer ways to leave a target: quick_exit with its handlers, and pthread_exit, alone and while other threads are
 * running. With every method they work as in a program's main. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything that the child and its handlers write until it has ended with that code. */
static const char *said(enum beget_method method, void (*target)(int), int how, int code)
{
	static char text[200];
	size_t n = 0;
	int end;
	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&end)), BEGET_CALL(target, how));

	for (ssize_t got; n < sizeof(text) - 1 && (got = read(end, text + n, sizeof(text) - 1 - n)) > 0;)
		n += (size_t)got;
	text[n] = '\0';
	close(end);
	struct beget_status status;
	assert_int_equal(beget_join(p, 10000, &status), 0);
	int value;
	assert_int_equal(beget_result(p, &value), -ENODATA);
	if (status.outcome != BEGET_EXITED || status.code != code)
		fail_msg("outcome %d, code %d, not %d", (int)status.outcome, status.code, code);
	beget_free(p);
	return text;
}

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(99);
}

static void first(void)
{
	say("first ");
}

static void second(void)
{
	say("second ");
}

static void never(void)
{
	say("never ");
}

/* quick_exit: its own handlers in reverse order, no others, and no flush. */

static void quits(int code)
{
	at_quick_exit(first);
	at_quick_exit(second);
	atexit(never);
	printf("lost ");
	quick_exit(code);
}

static void quick_exit_of_the_target(enum beget_method method)
{
	assert_string_equal(said(method, quits, 0, 0), "second first ");
	assert_string_equal(said(method, quits, 3, 3), "second first ");
	assert_string_equal(said(method, quits, 259, 3), "second first ");
}

static void says_farewell(void)
{
	say("farewell ");
	_exit(8);
}

static void quits_by_its_handler(int unused)
{
	(void)unused;
	at_quick_exit(never);
	at_quick_exit(says_farewell);
	quick_exit(1);
}

static void handler_that_exits(enum beget_method method)
{
	assert_string_equal(said(method, quits_by_its_handler, 0, 8), "farewell ");
}

/* pthread_exit: the process continues with its other threads, and after the last of them ends as with exit(0). */

enum { ALONE, OTHERS_RETURN, OTHERS_LEAVE, OTHERS_EXIT };

static atomic_bool cleaned;

static void *other(void *how)
{
	static atomic_int first_of_them;

	for (int i = 0; i < 1000 && !cleaned; i++)
		sleep_ms(5);
	sleep_ms(50); /* the first thread has ended */
	if (*(int *)how == OTHERS_EXIT && first_of_them++)
		pause(); /* not two exits at once */
	say("other ");
	if (*(int *)how == OTHERS_EXIT)
		exit(7);
	if (*(int *)how == OTHERS_LEAVE)
		pthread_exit(NULL);
	return NULL;
}

static void cleans(void *unused)
{
	(void)unused;
	say("cleaned ");
	cleaned = true;
}

static void leaves_its_thread(int way)
{
	static int how;
	pthread_t thread;

	how = way;
	atexit(first);
	printf("printed ");
	for (int i = 0; i < 2 && way != ALONE; i++)
		if (pthread_create(&thread, NULL, other, &how))
			_exit(98);
	pthread_cleanup_push(cleans, NULL);
	pthread_exit(NULL);
	pthread_cleanup_pop(0);
}

static void pthread_exit_alone(enum beget_method method)
{
	assert_string_equal(said(method, leaves_its_thread, ALONE, 0), "cleaned first printed ");
}

static void pthread_exit_with_others(enum beget_method method)
{
	if (method != BEGET_SPAWN)
		not_with_musl("in a forked process, pthread_exit in the first thread leaves a lock behind");
	assert_string_equal(said(method, leaves_its_thread, OTHERS_RETURN, 0), "cleaned other other first printed ");
	assert_string_equal(said(method, leaves_its_thread, OTHERS_LEAVE, 0), "cleaned other other first printed ");
	assert_string_equal(said(method, leaves_its_thread, OTHERS_EXIT, 7), "cleaned other first printed ");
}

/* In that state it can still be signalled, and its status is that signal. */

static void *sleeps(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void leaves_a_sleeper(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleeps, NULL) == 0)
		pthread_exit(NULL);
}

static void killed_after_pthread_exit(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(leaves_a_sleeper));

	assert_int_equal(beget_join(p, 100, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_end(p, BEGET_SIGNALED, SIGTERM);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(quick_exit_of_the_target),  BEHAVIOUR(handler_that_exits),
		BEHAVIOUR(pthread_exit_alone),        BEHAVIOUR(pthread_exit_with_others),
		BEHAVIOUR(killed_after_pthread_exit),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
