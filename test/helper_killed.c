/* The helper is killed or stopped: its children continue, can be seen and signalled, and their ends are reported. The
 * next start launches another helper, and no call waits forever. */
#include "host.h"
#include "kernel.h"
#include "os/fd.h"

#include <pthread.h>
#include <stdatomic.h>

static void sleeper(void)
{
	pause();
}

static int go_on(struct beget_fd fd, int code)
{
	char c;

	if (read(fd.fd, &c, 1) != 1)
		_exit(99);
	if (code)
		_exit(code);
	return 4711;
}

static void close_all_and_go_on(struct beget_fd fd, struct beget_fd said)
{
	char c;

	dup2(fd.fd, 0);
	dup2(said.fd, 1);
	beget__fd_close_range(3, ~0u);
	if (write(1, "", 1) == 1 && read(0, &c, 1) == 1)
		_exit(3);
}

static pid_t kill_helper(void)
{
	pid_t helper = helper_pid();

	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_true(process_gone(helper, 5000));
	return helper;
}

/* If the new parent reaped the child before we looked, an older kernel has no status. */
static void expect_end_or_lost(struct beget_process *p, enum beget_outcome outcome, int code)
{
	struct beget_status status;

	assert_int_equal(beget_join(p, 5000, &status), 0);
	if (status.outcome == BEGET_LOST && !kernel_remembers()) {
		beget_free(p);
		return;
	}
	expect_end(p, outcome, code);
}

static void a_running_child_is_signalled(void)
{
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
	char text[300];

	assert_true(beget_pid(p) > 0);
	kill_helper();
	sleep_ms(20);
	assert_int_equal(beget_join(p, 50, NULL), -ETIMEDOUT);
	beget_describe(p, text, sizeof(text));
	assert_non_null(strstr(text, "is running"));
	assert_int_equal(kill(beget_pid(p), 0), 0);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_end_or_lost(p, BEGET_SIGNALED, SIGTERM);
}

static void a_running_child_exits(void)
{
	struct beget_process *p[2];
	int pipes[2], result = 0;

	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 2; i++) {
		p[i] = start(BEGET_FORKSERVER, BEGET_CALL(go_on, BEGET_FD(pipes[0]), i ? 7 : 0));
		assert_true(beget_pid(p[i]) > 0);
	}
	kill_helper();
	assert_int_equal(beget_wait(p, 2, 20), -ETIMEDOUT);
	assert_int_equal(write(pipes[1], "gg", 2), 2);
	assert_int_equal(beget_join(p[0], 5000, NULL), 0);
	if (kernel_remembers()) {
		assert_int_equal(beget_result(p[0], &result), 0);
		assert_int_equal(result, 4711);
	}
	expect_end_or_lost(p[0], BEGET_EXITED, 0);
	expect_end_or_lost(p[1], BEGET_EXITED, 7);
	close(pipes[0]);
	close(pipes[1]);
}

/* With both the helper's copy of the channel and the child's closed, only the pidfd shows that the child is running. */
static void a_child_that_closed_all(void)
{
	int go[2], said[2];
	char c;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(said), 0);
	struct beget_process *p =
		start(BEGET_FORKSERVER, BEGET_CALL(close_all_and_go_on, BEGET_FD(go[0]), BEGET_FD(said[1])));
	assert_int_equal(read(said[0], &c, 1), 1);
	assert_int_equal(beget_join(p, 0, NULL), -ETIMEDOUT);
	kill_helper();
	assert_int_equal(beget_join(p, 100, NULL), -ETIMEDOUT);
	assert_int_equal(write(go[1], "g", 1), 1);
	expect_end_or_lost(p, BEGET_EXITED, 3);
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(said[i]);
	}
}

static void the_next_start_brings_up_another(void)
{
	for (int i = 0, n = often(20); i < n; i++) {
		pid_t old = kill_helper();
		assert_int_not_equal(helper_pid(), old);
	}
}

/* At the moment of the start, the helper may be killed but not gone yet, or gone. A kernel without exit records cannot
 * show how a child ended, only that it had not read its call. */
static void killed_at_any_moment(void)
{
	for (int i = 0, n = often(60); i < n; i++) {
		pid_t helper = helper_pid();
		if (i % 3 == 0)
			kill(helper, SIGKILL);
		struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
		if (i % 3 == 1)
			kill(helper, SIGKILL);
		if (i % 6 == 5)
			usleep((unsigned)i * 20);
		if (i % 3 == 2)
			kill(helper, SIGKILL);
		/* A child that was born can be signalled; born or not, it reaches an end. */
		struct beget_status status;
		int killed = beget_kill(p, SIGKILL);
		assert_true(killed == 0 || killed == -ESRCH);
		assert_int_equal(beget_join(p, 5000, &status), 0);
		if (killed == 0 && kernel_remembers())
			assert_int_equal(status.outcome, BEGET_SIGNALED);
		else if (killed == 0)
			assert_true(status.outcome == BEGET_SIGNALED || status.outcome == BEGET_LOST ||
			            (status.outcome == BEGET_FAILED && status.code == -ECONNRESET));
		else
			assert_true(status.outcome == BEGET_FAILED || status.outcome == BEGET_LOST);
		beget_free(p);
		/* A helper that is still dying may accept a start and lose it. */
		assert_true(process_gone(helper, 5000));
	}
}

static atomic_bool stop;

static void *assassin(void *unused)
{
	(void)unused;
	while (!stop) {
		struct beget_process *p;
		int helper = 0;
		sleep_ms(7);
		if (beget_start(&p, NULL, BEGET_CALL(host_parent_of)) < 0)
			continue;
		if (beget_join(p, 5000, NULL) == 0 && beget_result(p, &helper) == 0 && helper > 1)
			kill(helper, SIGKILL);
		beget_free(p);
	}
	return NULL;
}

static void quick(void)
{
}

static void killed_while_others_start(void)
{
	pthread_t thread;
	int good = 0;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, assassin, NULL), 0);
	for (int64_t end = now_ms() + 1500; now_ms() < end;) {
		struct beget_process *p;
		struct beget_status status;
		int error = beget_start(&p, NULL, BEGET_CALL(quick));
		assert_true(error == 0 || error == -ECONNRESET);
		if (error)
			continue;
		assert_int_equal(beget_join(p, 5000, &status), 0);
		assert_true(status.outcome == BEGET_EXITED
		                    ? status.code == 0
		                    : status.outcome == BEGET_FAILED || status.outcome == BEGET_LOST);
		good += status.outcome == BEGET_EXITED;
		beget_free(p);
	}
	stop = true;
	pthread_join(thread, NULL);
	sleep_ms(50); /* the last kill has been sent */
	assert_true(good > often(20));
	helper_pid();
}

/* A stopped helper reports nothing, but its children's zombies in /proc do. */
static void stopped_helper(void)
{
	struct beget_process *p, *waiting[3];
	int pipes[2];
	struct beget_status status;

	assert_int_equal(pipe(pipes), 0);
	pid_t helper = helper_pid();
	p = start(BEGET_FORKSERVER, BEGET_CALL(go_on, BEGET_FD(pipes[0]), 7));
	assert_true(beget_pid(p) > 0);
	assert_int_equal(kill(helper, SIGSTOP), 0);
	for (int i = 0; i < 3; i++)
		waiting[i] = start(BEGET_FORKSERVER, BEGET_CALL(quick));
	assert_int_equal(write(pipes[1], "g", 1), 1);
	int64_t begun = now_ms();
	int error = beget_join(p, 5000, &status);
	int64_t took = now_ms() - begun;
	int early = beget_join(waiting[0], 10, NULL);
	kill(helper, SIGCONT);
	assert_int_equal(error, 0);
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_int_equal(status.code, 7);
	assert_true(took < 1000);
	assert_int_equal(early, -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		expect_exit(waiting[i], 0);
	assert_int_equal(helper_pid(), helper);
	beget_free(p);
	close(pipes[0]);
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(a_running_child_is_signalled),
		UNIT(a_running_child_exits),
		UNIT(a_child_that_closed_all),
		UNIT(the_next_start_brings_up_another),
		UNIT(killed_at_any_moment),
		UNIT(killed_while_others_start),
		UNIT(stopped_helper),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
