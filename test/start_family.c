/* Children of children: they all share the helper of the top program, unless they need another, and none of them hangs
 * when the top program has ended. The depth is fixed, and each level starts one child. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In a child: starts, joins, and returns the result, or a negative number. */
static int inner_result(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p;
	int value = -1000;

	if (beget_start(&p, options, call) < 0)
		return -1;
	if (beget_join(p, 20000, NULL) < 0)
		return -2;
	int error = beget_result(p, &value);
	beget_free(p);
	return error < 0 ? -3 : value;
}

/* The number of levels from here on whose parent is that process; each level starts the next with that method. */
static int levels(int depth, int method, int parent)
{
	int mine = getppid() == parent;

	if (depth <= 1)
		return mine;
	int next = method == BEGET_FORKSERVER ? parent : (int)getpid();
	int rest = inner_result(BEGET_OPTIONS(.method = (enum beget_method)method),
	                        BEGET_CALL(levels, depth - 1, method, next));
	return rest < 0 ? rest : mine + rest;
}

static int five_below(int helper)
{
	return inner_result(NULL, BEGET_CALL(levels, 5, (int)BEGET_FORKSERVER, helper));
}

static void one_helper_for_all(enum beget_method method)
{
	int helper = (int)helper_pid();

	assert_int_equal(int_result(method, BEGET_CALL(five_below, helper)), 5);
}

/* The same after a chain of children with that method. */
static int line(int depth, int method, int helper)
{
	if (depth == 0)
		return inner_result(NULL, BEGET_CALL(levels, 1, (int)BEGET_FORKSERVER, helper));
	return inner_result(BEGET_OPTIONS(.method = (enum beget_method)method),
	                    BEGET_CALL(line, depth - 1, method, helper));
}

static void a_line_of_each(enum beget_method method)
{
	int helper = (int)helper_pid();

	assert_int_equal(int_result(method, BEGET_CALL(levels, 5, (int)method, method ? (int)getpid() : helper)), 5);
	for (int inner = 0; inner < 3; inner++)
		assert_int_equal(int_result(method, BEGET_CALL(line, 4, inner, helper)), 1);
}

/* One child starts many at once, and many one after the other. */
static int many_below(int helper)
{
	struct beget_process *p[30];
	int good = 0, value;

	for (int i = 0; i < 30; i++)
		if (beget_start(&p[i], NULL, BEGET_CALL(levels, 1, 0, helper)) < 0)
			return -1;
	for (int i = 0; i < 30; i++) {
		if (beget_join(p[i], 20000, NULL) == 0 && beget_result(p[i], &value) == 0)
			good += value;
		beget_free(p[i]);
	}
	for (int i = 0; i < 30; i++)
		good += inner_result(NULL, BEGET_CALL(levels, 1, 0, helper));
	return good;
}

static void many_children_of_a_child(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(many_below, (int)helper_pid())), 60);
}

/* A child whose state differs from the helper's. */

static int parent_of(void)
{
	return (int)getppid();
}

static int session_of(void)
{
	return (int)getsid(0);
}

/* The helper that the child launched for its new session, or a negative number. */
static int helper_of_a_new_session(void)
{
	if (setsid() < 0)
		return -10;
	int parent = inner_result(NULL, BEGET_CALL(parent_of));
	if (inner_result(NULL, BEGET_CALL(session_of)) != getpid())
		return -11;
	return inner_result(NULL, BEGET_CALL(parent_of)) == parent ? parent : -12;
}

static void child_in_a_session_of_its_own(enum beget_method method)
{
	pid_t helper = helper_pid();
	int other = int_result(method, BEGET_CALL(helper_of_a_new_session));

	assert_true(other > 1);
	assert_true(other != helper && other != getpid());
	assert_true(process_gone((pid_t)other, 3000)); /* it ends with the child that launched it */
	assert_int_equal(helper_pid(), helper);
}

/* A child of a child can have everything that a child can have. */

static int all_led(void)
{
	return getpgrp() == getpid() && getsid(0) == getpid();
}

static int led_group(void)
{
	return getpgrp() == getpid() && getsid(0) != getpid();
}

static int where_is_root(void)
{
	char path[100];

	return getcwd(path, sizeof(path)) && strcmp(path, "/") == 0 && getenv("BEGET_TEST_FAMILY");
}

static int inner_options(void)
{
	char *env[] = {"BEGET_TEST_FAMILY=1", NULL};
	int good = 0;

	for (int m = 0; m < 3; m++) {
		enum beget_method method = (enum beget_method)m;
		good += inner_result(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_SESSION),
		                     BEGET_CALL(all_led)) == 1
		                ? 1
		                : 0;
		good += inner_result(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_GROUP),
		                     BEGET_CALL(led_group)) == 1
		                ? 10
		                : 0;
		good += inner_result(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED | BEGET_CRASH_REPORT,
		                                   .cwd = "/", .env = env),
		                     BEGET_CALL(where_is_root)) == 1
		                ? 100
		                : 0;
	}
	return good;
}

static void options_of_a_child_of_a_child(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(inner_options)), 333);
}

/* The top program dies while its child starts children: each of these starts returns. */

static int nothing(void)
{
	return 0;
}

static void starts_again_and_again(struct beget_fd alive)
{
	if (write(alive.fd, "x", 1) != 1)
		_exit(1);
	alarm((unsigned)scaled(30));
	for (int i = 0; i < 20; i++)
		inner_result(NULL, BEGET_CALL(nothing));
}

static void top_dies_meanwhile(enum beget_method method)
{
	for (int i = 0; i < 20; i++) {
		int alive[2], status;
		char byte;
		assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
		pid_t top = fork();
		if (top == 0) {
			struct beget_process *p;
			alarm((unsigned)scaled(30));
			inner_result(NULL, BEGET_CALL(nothing)); /* the helper is running */
			if (beget_start(&p, BEGET_OPTIONS(.method = method),
			                BEGET_CALL(starts_again_and_again, BEGET_FD(alive[1]))) < 0)
				_exit(1);
			close(alive[1]);
			for (;;)
				pause();
		}
		close(alive[1]);
		struct pollfd ready = {.fd = alive[0], .events = POLLIN};
		assert_int_equal(poll(&ready, 1, 10000), 1);
		assert_int_equal(read(alive[0], &byte, 1), 1);
		struct timespec t = {0, i * 200000L};
		nanosleep(&t, NULL);
		assert_int_equal(kill(top, SIGKILL), 0);
		assert_int_equal(waitpid(top, &status, 0), top);
		if (!ends(alive[0], 10000))
			fail_msg("a child hangs after round %d", i);
		close(alive[0]);
	}
}

static int after_a_byte(struct beget_fd gate)
{
	char byte;

	if (read(gate.fd, &byte, 1) != 1)
		return -10;
	return inner_result(NULL, BEGET_CALL(parent_of));
}

/* The top program has launched another helper; the old one still serves a child that knows only it. */
static int helper_replaced_meanwhile(void)
{
	struct beget_process *p;
	int gate[2], nested = -1;

	if (pipe(gate) < 0 || beget_start(&p, NULL, BEGET_CALL(after_a_byte, BEGET_FD(gate[0]))) < 0)
		return -20;
	int old = inner_result(NULL, BEGET_CALL(parent_of));
	if (setsid() < 0) /* a session that the old helper is not in */
		return -21;
	int new = inner_result(NULL, BEGET_CALL(parent_of));
	if (write(gate[1], "", 1) != 1 || beget_join(p, 20000, NULL) < 0 || beget_result(p, &nested) < 0)
		return -22;
	beget_free(p);
	return old > 0 && new > 0 && old != new &&nested > 0 && nested != new ? 1 : -23;
}

static void replaced_helper(enum beget_method method)
{
	int status;
	pid_t copy = fork();

	(void)method;

	if (copy == 0)
		_exit(helper_replaced_meanwhile() == 1 ? 0 : 1);
	assert_int_equal(waitpid(copy, &status, 0), copy);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(one_helper_for_all),
		BEHAVIOUR(a_line_of_each),
		BEHAVIOUR(many_children_of_a_child),
		BEHAVIOUR(child_in_a_session_of_its_own),
		BEHAVIOUR(options_of_a_child_of_a_child),
		BEHAVIOUR(top_dies_meanwhile),
		BEHAVIOUR_OF(replaced_helper, BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
