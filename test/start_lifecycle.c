/* A start, a join, a result, a free: of one process and of many. */
#include "harness.h"

#include <signal.h>
#include <unistd.h>

static int add(int a, int b)
{
	return a + b;
}

static void sleeper(void)
{
	pause();
}

static void one_round(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(add, 2, 3)), 5);
}

static void a_hundred_at_once(enum beget_method method)
{
	struct beget_process *p[100];
	int sum, n = often(100);

	for (int i = 0; i < n; i++)
		p[i] = start(method, BEGET_CALL(add, i, 1000));
	for (int i = 0; i < n; i++) {
		assert_int_equal(beget_join(p[i], BEGET_FOREVER, NULL), 0);
		assert_int_equal(beget_result(p[i], &sum), 0);
		assert_int_equal(sum, i + 1000);
		beget_free(p[i]);
	}
}

static void a_hundred_sleepers_killed(enum beget_method method)
{
	struct beget_process *p[100];
	int n = often(100);

	for (int i = 0; i < n; i++)
		p[i] = start(method, BEGET_CALL(sleeper));
	for (int i = 0; i < n; i++)
		assert_int_equal(beget_kill(p[i], SIGTERM), 0);
	for (int i = 0; i < n; i++)
		expect_end(p[i], BEGET_SIGNALED, SIGTERM);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(one_round),
		BEHAVIOUR(a_hundred_at_once),
		BEHAVIOUR(a_hundred_sleepers_killed),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
