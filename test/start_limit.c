/* The limit of a start: a target that runs too long is killed, whatever it does and whatever becomes of its caller, and
 * a program can distinguish that from any other SIGKILL. */
#include "harness.h"
#include "host.h"
#include "message/report.h"
#include "os/fd.h"
#include "os/sock.h"
#include "pools.h"

#include <fcntl.h>
#include <stdlib.h>

enum { SHORT_MS = 50, LONG_MS = 20000 };

/* Ways in which a target does not end, after it has written a byte. */
enum stay { PAUSES, EXECUTES, BLOCKS_SIGNALS, CLOSES_EVERYTHING, STAYS };

static void stay(struct beget_fd out, int how)
{
	sigset_t all;

	if (write(out.fd, "x", 1) != 1)
		_exit(99);
	sigfillset(&all);
	switch (how) {
	case EXECUTES: execl("/bin/sleep", "sleep", "20", NULL); _exit(98);
	case BLOCKS_SIGNALS: sigprocmask(SIG_BLOCK, &all, NULL); break;
	case CLOSES_EVERYTHING: beget__fd_close_range(3, ~0u); break;
	default: break;
	}
	for (;;)
		pause();
}

static void runs_too_long(enum beget_method method)
{
	char text[300];

	for (int how = PAUSES; how < STAYS; how++) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .limit_ms = SHORT_MS),
		                                     BEGET_CALL(stay, (struct beget_fd){null}, how));
		close(null);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		beget_describe(p, text, sizeof(text));
		assert_non_null(strstr(text, "was killed when its limit of 50 ms ran out"));
		expect_end(p, BEGET_TIMED_OUT, SIGKILL);
	}
}

static int three(void)
{
	return 3;
}

static void exits(int code)
{
	exit(code);
}

static void kills_itself(void)
{
	kill(getpid(), SIGKILL);
}

static void ends_in_time(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .limit_ms = LONG_MS);
	struct beget_status status;

	assert_int_equal(int_result_with(o, BEGET_CALL(three)), 3);
	expect_end(start_with(o, BEGET_CALL(exits, 7)), BEGET_EXITED, 7);
	expect_end(start_with(o, BEGET_CALL(kills_itself)), BEGET_SIGNALED, SIGKILL);
	struct beget_process *p = start_with(o, BEGET_CALL(exits, 0));
	assert_true(beget_pid(p) > 0);
	assert_int_equal(beget_join(p, 10000, &status), 0);
	assert_true(status.peak_kib > 0);
	beget_free(p);
}

static void killed_by_the_caller(enum beget_method method)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .limit_ms = LONG_MS),
	                                     BEGET_CALL(stay, (struct beget_fd){null}, PAUSES));

	close(null);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
}

/* Reports that its limit has expired. */
static void lies(void)
{
	for (int fd = 3; fd < 200; fd++) {
		struct ucred maker;
		if (beget__sock_maker(fd, &maker) == 0)
			beget__report_send_ended(fd, &(struct beget__exit){.wait_status = SIGKILL, .timed_out = 1});
	}
	kill(getpid(), SIGKILL);
}

static void claims_of_the_target(enum beget_method method)
{
	expect_end(start(method, BEGET_CALL(lies)), BEGET_SIGNALED, SIGKILL);
	expect_end(start_with(BEGET_OPTIONS(.method = method, .limit_ms = LONG_MS), BEGET_CALL(lies)), BEGET_SIGNALED,
	           SIGKILL);
}

/* A host that starts, and is stopped or killed. */

static enum beget_method by;
static int channel[2], way;

static void start_and_wait(void)
{
	struct beget_process *p;

	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, .limit_ms = scaled(400)),
	                  BEGET_CALL(stay, (struct beget_fd){channel[1]}, way)) == 0);
	close(channel[1]);
	for (;;)
		pause();
}

static void without_a_caller(enum beget_method method, int signal)
{
	by = method;
	for (way = PAUSES; way <= EXECUTES; way++) {
		char x;
		assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
		pid_t host = host_start(start_and_wait);
		close(channel[1]);
		assert_int_equal(read(channel[0], &x, 1), 1);
		assert_int_equal(kill(host, signal), 0);
		assert_true(ends(channel[0], 10000));
		kill(host, SIGKILL);
		host_end(host);
		close(channel[0]);
	}
}

static void caller_is_stopped(enum beget_method method)
{
	without_a_caller(method, SIGSTOP);
}

static void caller_is_gone(enum beget_method method)
{
	without_a_caller(method, SIGKILL);
}

static void of_a_worker(enum beget_method method)
{
	struct beget_process *worker;
	struct beget_task *task;

	assert_int_equal(beget_worker(&worker, BEGET_OPTIONS(.method = method, .limit_ms = scaled(1000)), NULL), 0);
	assert_int_equal(beget_submit(worker, &task, NULL, BEGET_CALL(three)), 0);
	assert_int_equal(task_int(task), 3);
	assert_int_equal(beget_submit(worker, &task, NULL, BEGET_CALL(pause)), 0);
	expect_task(task, BEGET_TIMED_OUT, SIGKILL);
	expect_end(worker, BEGET_TIMED_OUT, SIGKILL);
}

static void freed_meanwhile(enum beget_method method)
{
	siginfo_t info;
	int fds[2];
	char x;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	beget_free(start_with(BEGET_OPTIONS(.method = method, .limit_ms = scaled(400)),
	                      BEGET_CALL(stay, (struct beget_fd){fds[1]}, PAUSES)));
	close(fds[1]);
	assert_int_equal(read(fds[0], &x, 1), 1);
	assert_true(ends(fds[0], 10000));
	close(fds[0]);
	/* a later start reaps what is left of it */
	for (int64_t end = now_ms() + 5000;
	     waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && now_ms() < end;)
		assert_int_equal(int_result(method, BEGET_CALL(three)), 3);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(runs_too_long),        BEHAVIOUR(ends_in_time),      BEHAVIOUR(killed_by_the_caller),
		BEHAVIOUR(claims_of_the_target), BEHAVIOUR(caller_is_stopped), BEHAVIOUR(caller_is_gone),
		BEHAVIOUR(of_a_worker),          BEHAVIOUR(freed_meanwhile),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
