/* Started processes know which process started them and with which method, and can start processes themselves, with
 * every method and to any depth. */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int who(void)
{
	return (int)beget_caller_pid();
}

static int how(void)
{
	return beget_start_method();
}

static void the_caller_is_known(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(who)), getpid());
	assert_int_equal(int_result(method, BEGET_CALL(how)), method);
}

static void the_caller_has_none(enum beget_method method)
{
	(void)method;
	assert_int_equal(beget_caller_pid(), -ESRCH);
	assert_int_equal(beget_start_method(), -ESRCH);
	assert_non_null(strstr(beget_error(), "not started by beget"));
}

/* A copy that the target forks was not started by the library. */
static int a_copy_of_it(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(beget_caller_pid() == -ESRCH && beget_start_method() == -ESRCH ? 7 : 1);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void a_copy_has_none(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(a_copy_of_it)), 7);
}

/* The methods of the levels below, one base-3 digit each; depth is their number. Zero if everything is right here and
 * below. */
static int descends(int caller, int method, int below, int depth)
{
	struct beget_process *p;
	int next = below % 3, result = 1;

	if (beget_caller_pid() != caller || beget_start_method() != method)
		return 2;
	if (depth <= 0 || depth > 3)
		return 0;
	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)next),
	                BEGET_CALL(descends, (int)getpid(), next, below / 3, depth - 1)) < 0)
		return 3;
	if (beget_join(p, 20000, NULL) < 0 || beget_result(p, &result) < 0)
		result = 4;
	beget_free(p);
	return result;
}

static void every_pair(enum beget_method method)
{
	for (int below = 0; below < 9; below++)
		assert_int_equal(int_result(method, BEGET_CALL(descends, (int)getpid(), (int)method, below, 2)), 0);
}

static void three_deep(enum beget_method method)
{
	for (int below = 0; below < 27; below += 13) /* all the same */
		assert_int_equal(int_result(method, BEGET_CALL(descends, (int)getpid(), (int)method, below, 3)), 0);
}

/* A child that starts several at once and joins all of them. */
static int sums(int method)
{
	struct beget_process *p[10] = {NULL};
	int sum = 0;

	for (int i = 0; i < 10; i++)
		if (beget_start(&p[i], BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(who)) < 0)
			return -1;
	for (int i = 0; i < 10; i++) {
		int value = 0;
		if (beget_join(p[i], 20000, NULL) < 0 || beget_result(p[i], &value) < 0)
			return -2;
		sum += value == getpid();
		beget_free(p[i]);
	}
	return sum;
}

static void many_of_a_child(enum beget_method method)
{
	for (int inner = 0; inner < 3; inner++)
		assert_int_equal(int_result(method, BEGET_CALL(sums, inner)), 10);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(the_caller_is_known), BEHAVIOUR_OF(the_caller_has_none, BY(BEGET_FORK)),
		BEHAVIOUR(a_copy_has_none),     BEHAVIOUR(every_pair),
		BEHAVIOUR(three_deep),          BEHAVIOUR(many_of_a_child),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
