/* What a child can find out about itself: which process started it, whether that process is still running, and with
 * which method. A process that beget did not start gets errors. */
#include "harness.h"
#include "os/fault.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int caller_pid(void)
{
	return beget_caller_pid();
}

static int start_method(void)
{
	return beget_start_method();
}

static void pid_and_method(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(caller_pid)), getpid());
	assert_int_equal(int_result(method, BEGET_CALL(start_method)), (int)method);
	assert_int_equal(int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_SESSION | BEGET_CLOSE_FDS),
	                                 BEGET_CALL(caller_pid)),
	                 getpid());
}

/* 0 if all three functions fail with a sentence here. */
static int no_answer(void)
{
	int wrong = 0;

	wrong |= beget_caller_pid() != -ESRCH ? 1 : 0;
	wrong |= !strstr(beget_error(), "not started by beget") ? 2 : 0;
	wrong |= beget_start_method() != -ESRCH ? 4 : 0;
	wrong |= beget_caller_sentinel() != -ESRCH ? 8 : 0;
	return wrong;
}

static void not_a_child(enum beget_method method)
{
	(void)method;
	assert_int_equal(no_answer(), 0);
}

static int grandchild(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(no_answer());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* 0, or the error of the kernel (or of valgrind in its place) for a request of a pidfd. */
static int no_pidfds(void)
{
	int fd = beget__proc_pidfd_open(getpid());

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Even if its parent has asked before. */
static int grandchild_of_one_that_asked(void)
{
	if (beget_caller_pid() <= 0 || (beget_caller_sentinel() < 0 && !no_pidfds()))
		return -2;
	return grandchild();
}

static void a_plain_fork_of_a_child(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(grandchild)), 0);
	assert_int_equal(int_result(method, BEGET_CALL(grandchild_of_one_that_asked)), 0);
}

/* A child of a child: its caller is the child. */

static int is_child_of(int caller, int method)
{
	return beget_caller_pid() == caller && beget_start_method() == method;
}

static int all_inner_are_mine(void)
{
	int good = 0, value;

	for (int m = 0; m < 3; m++) {
		struct beget_process *p;
		if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)m),
		                BEGET_CALL(is_child_of, (int)getpid(), m)) < 0 ||
		    beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0)
			return -1;
		beget_free(p);
		good += value;
	}
	return good;
}

static void child_of_a_child(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(all_inner_are_mine)), 3);
}

/* The sentinel; also on a kernel that does not provide a pidfd for the creator of a socket. */

static int older(const char *call)
{
	return strcmp(call, "peerpidfd") == 0 ? ENOPROTOOPT : 0;
}

static bool readable(int fd, int timeout_ms)
{
	return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, timeout_ms) == 1;
}

static int sentinel_of_a_living_caller(int old)
{
	beget__fault_hook = old ? older : NULL;
	int fd = beget_caller_sentinel();

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 1;
	if (beget_caller_sentinel() != fd)
		return 2;
	return readable(fd, 100) ? 3 : 0;
}

static void caller_lives(enum beget_method method)
{
	int newest = int_result(method, BEGET_CALL(sentinel_of_a_living_caller, 0));

	assert_true(newest == 0 || newest == no_pidfds());
	assert_int_equal(int_result(method, BEGET_CALL(sentinel_of_a_living_caller, 1)), no_pidfds());
}

/* Writes "a" while its caller is running and "d" after its end. With late, it requests the sentinel only when asked
 * to. */
static void watches(struct beget_fd out, struct beget_fd in, bool late, bool old)
{
	beget__fault_hook = old ? older : NULL;
	char byte;
	int fd = late ? -1 : beget_caller_sentinel();

	if (write(out.fd, late || (fd >= 0 && !readable(fd, 0)) ? "a" : "?", 1) != 1)
		_exit(1);
	if (late && (read(in.fd, &byte, 1) < 0 || (fd = beget_caller_sentinel()) < 0))
		_exit(1);
	if (write(out.fd, readable(fd, late ? 0 : 10000) ? "d" : "?", 1) != 1)
		_exit(1);
}

static void expect_death_seen(enum beget_method method, bool late, bool old)
{
	int out[2], in[2], status;
	char said[3] = "";

	if (no_pidfds())
		skip();
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	pid_t caller = fork();
	if (caller == 0) {
		struct beget_process *p;
		alarm((unsigned)scaled(30));
		close(in[1]);
		if (beget_start(&p, BEGET_OPTIONS(.method = method),
		                BEGET_CALL(watches, BEGET_FD(out[1]), BEGET_FD(in[0]), late, old)) < 0)
			_exit(1);
		close(out[1]);
		for (;;)
			pause();
	}
	close(out[1]);
	close(in[0]);
	assert_true(readable(out[0], 10000));
	assert_int_equal(read(out[0], said, 1), 1);
	assert_string_equal(said, "a");
	assert_false(!late && readable(out[0], 100));
	assert_int_equal(kill(caller, SIGKILL), 0);
	if (late)
		assert_int_equal(waitpid(caller, &status, 0), caller);
	else
		assert_true(readable(out[0], 2000)); /* the caller has not been reaped yet */
	close(in[1]);
	assert_true(readable(out[0], 2000));
	assert_int_equal(read(out[0], said, 1), 1);
	assert_string_equal(said, "d");
	assert_true(ends(out[0], 2000));
	close(out[0]);
	if (!late)
		assert_int_equal(waitpid(caller, &status, 0), caller);
}

static void caller_dies(enum beget_method method)
{
	expect_death_seen(method, false, false);
	expect_death_seen(method, false, true);
}

static void asked_after_the_death(enum beget_method method)
{
	expect_death_seen(method, true, false);
	expect_death_seen(method, true, true);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(pid_and_method),
		BEHAVIOUR_OF(not_a_child, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(a_plain_fork_of_a_child),
		BEHAVIOUR(child_of_a_child),
		BEHAVIOUR(caller_lives),
		BEHAVIOUR(caller_dies),
		BEHAVIOUR(asked_after_the_death),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
