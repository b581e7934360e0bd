/* Hosts that reap children themselves: they ignore SIGCHLD, reap whatever child they find, or wait for all. The status
 * of each child is nevertheless reported if the kernel keeps it, and a helper is not their child. */
#include "harness.h"
#include "kernel.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int answers(int n)
{
	return n;
}

static void exits(int code)
{
	_exit(code);
}

static void sleeper(void)
{
	for (;;)
		pause();
}

/* Expects that outcome, or LOST if the host reaped its own child and the kernel keeps no record. A child that was
 * killed before it had read its call is known to have failed. */
static void expect_or_lost(enum beget_method method, struct beget_process *p, enum beget_outcome outcome, int code)
{
	struct beget_status status;

	if (beget_join(p, 10000, &status) < 0)
		fail_msg("join: %s", beget_error());
	bool forgotten = method != BEGET_FORKSERVER && !kernel_remembers();
	if (status.outcome == BEGET_LOST && forgotten)
		outcome = BEGET_LOST, code = 0;
	if (status.outcome == BEGET_FAILED && outcome == BEGET_SIGNALED && forgotten)
		outcome = BEGET_FAILED, code = -ECONNRESET;
	assert_int_equal(status.outcome, outcome);
	assert_int_equal(status.code, code);
	beget_free(p);
}

static struct beget_process *start_one(enum beget_method method, const struct beget_call *call)
{
	return start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK), call);
}

static void expect_all_kinds(enum beget_method method)
{
	struct beget_process *p = start_one(method, BEGET_CALL(sleeper));
	int value = 0;

	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_or_lost(method, p, BEGET_SIGNALED, SIGTERM);
	expect_or_lost(method, start_one(method, BEGET_CALL(exits, 9)), BEGET_EXITED, 9);
	p = start_one(method, BEGET_CALL(answers, 6));
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 6);
	expect_or_lost(method, p, BEGET_EXITED, 0);
}

static void sigchld_is_ignored(enum beget_method method)
{
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);

	for (int i = 0, n = often(20); i < n; i++)
		expect_all_kinds(method);
	signal(SIGCHLD, before);
}

static void children_leave_no_zombies(enum beget_method method)
{
	struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}, before;

	sigaction(SIGCHLD, &action, &before);
	for (int i = 0, n = often(20); i < n; i++)
		expect_all_kinds(method);
	sigaction(SIGCHLD, &before, NULL);
}

static atomic_bool done;

static void *reaps(void *unused)
{
	(void)unused;
	while (!done)
		if (waitpid(-1, NULL, 0) < 0)
			sched_yield();
	return NULL;
}

static void a_thread_reaps_everything(enum beget_method method)
{
	pthread_t t;

	done = false;
	assert_int_equal(pthread_create(&t, NULL, reaps, NULL), 0);
	for (int i = 0, n = often(20); i < n; i++)
		expect_all_kinds(method);
	done = true;
	pthread_join(t, NULL);
}

static void reaped_before_the_join(enum beget_method method)
{
	struct beget_process *p[3];
	int reaped = 0;

	for (int i = 0; i < 3; i++)
		p[i] = start(method, BEGET_CALL(exits, i));
	while (wait(NULL) > 0) /* this must return although a helper is running */
		reaped++;
	assert_int_equal(errno, ECHILD);
	assert_int_equal(reaped, method == BEGET_FORKSERVER ? 0 : 3);
	for (int i = 0; i < 3; i++)
		expect_or_lost(method, p[i], BEGET_EXITED, i);
}

static volatile sig_atomic_t handled;

static void count(int signal)
{
	(void)signal;
	handled++;
}

static void sigchld_of_own_children_only(enum beget_method method)
{
	pid_t helper = helper_pid();
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART}, before;

	handled = 0;
	sigaction(SIGCHLD, &action, &before);
	for (int i = 0; i < 5; i++)
		expect_exit(start(method, BEGET_CALL(exits, 0)), 0);
	int children = handled;
	kill(helper, SIGKILL); /* the host does not see its end, or the next launch */
	bool gone = process_gone(helper, 10000);
	expect_exit(start(BEGET_FORKSERVER, BEGET_CALL(exits, 0)), 0);
	sigaction(SIGCHLD, &before, NULL);
	assert_true(gone);
	if (method == BEGET_FORKSERVER)
		assert_int_equal(children, 0);
	else
		assert_in_range(children, 1, 5);
	assert_int_equal(handled, children);
}

/* Handles that are freed while their process is running. */

static void says(struct beget_fd go, struct beget_fd out)
{
	char byte;

	if (read(go.fd, &byte, 1) != 1 || write(out.fd, "on", 2) != 2)
		_exit(1);
}

static void freed_while_it_runs(enum beget_method method)
{
	int go[2], out[2];
	char text[4];

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(out), 0);
	beget_free(start(method, BEGET_CALL(says, BEGET_FD(go[0]), BEGET_FD(out[1]))));
	assert_int_equal(write(go[1], "", 1), 1);
	close(out[1]);
	assert_int_equal(read(out[0], text, sizeof(text)), 2);
	assert_int_equal(read(out[0], text, sizeof(text)), 0);
	close(out[0]);
	close(go[0]);
	close(go[1]);
	/* Later calls of the library reap it. */
	int64_t end = now_ms() + 10000;
	do
		expect_exit(start(method, BEGET_CALL(exits, 0)), 0);
	while (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) == 0 && now_ms() < end);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(sigchld_is_ignored),           BEHAVIOUR(children_leave_no_zombies),
		BEHAVIOUR(a_thread_reaps_everything),    BEHAVIOUR(reaped_before_the_join),
		BEHAVIOUR(sigchld_of_own_children_only), BEHAVIOUR(freed_while_it_runs),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
