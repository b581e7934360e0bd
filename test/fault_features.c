/* Features that a kernel may lack or a sandbox may refuse are disabled one by one and all together, in caller, helper
 * and children. The behaviour that a user sees stays the same. */
#include "plan.h"
#include "os/fd.h"
#include "os/proc.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static int add(int a, int b)
{
	return a + b;
}

static void exits_with(int code)
{
	_exit(code);
}

static void ends_by(int signal)
{
	raise(signal);
}

static void *exits_with_7(void *unused)
{
	sleep_ms(20); /* the first thread has ended */
	exit(7);
	return unused;
}

static void leaves_its_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exits_with_7, NULL) == 0)
		pthread_exit(NULL);
}

static void sleeper(void)
{
	pause();
}

static struct beget_bytes echo(struct beget_bytes bytes)
{
	return bytes;
}

static void *reads_to_the_end(void *fd)
{
	char c;

	while (read((int)(intptr_t)fd, &c, 1) > 0)
		;
	return NULL;
}

/* Counts the child's descriptors: after it has closed its channel, the library keeps nothing open for it. */
static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void exit_codes(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(add, 2, 3)), 5);
	expect_exit(start(method, BEGET_CALL(exits_with, 7)), 7);
	expect_exit(start(method, BEGET_CALL(leaves_its_thread)), 7);
	expect_end(start(method, BEGET_CALL(ends_by, SIGTERM)), BEGET_SIGNALED, SIGTERM);
	expect_end(start(method, BEGET_CALL(ends_by, SIGKILL)), BEGET_SIGNALED, SIGKILL);
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static void waiting(enum beget_method method)
{
	struct beget_process *p[2];

	for (int i = 0; i < 2; i++)
		p[i] = start(method, BEGET_CALL(sleeper));
	assert_true(beget_pid(p[0]) > 0 && beget_pid(p[0]) != beget_pid(p[1]));
	assert_int_equal(beget_join(p[0], 0, NULL), -ETIMEDOUT);
	assert_int_equal(beget_join(p[0], 30, NULL), -ETIMEDOUT);
	assert_int_equal(beget_wait(p, 2, 10), -ETIMEDOUT);
	int sentinel = beget_sentinel(p[1]);
	assert_true(sentinel >= 0);
	assert_false(readable(sentinel, 0));
	assert_int_equal(beget_kill(p[1], SIGKILL), 0);
	assert_true(readable(sentinel, 5000));
	assert_int_equal(beget_join(p[1], 0, NULL), 0);
	assert_int_equal(beget_wait(p, 2, 5000), 1);
	assert_int_equal(beget_kill(p[1], SIGKILL), -ESRCH);
	expect_end(p[1], BEGET_SIGNALED, SIGKILL);
	assert_int_equal(beget_kill(p[0], SIGTERM), 0);
	expect_end(p[0], BEGET_SIGNALED, SIGTERM);
}

/* A result makes the channel readable: the process can be joined at once. */
static void a_sentinel_and_a_result(enum beget_method method)
{
	for (int i = 0; i < 20; i++) {
		struct beget_process *p = start(method, BEGET_CALL(add, i, 1));
		int value = 0;
		assert_true(readable(beget_sentinel(p), 5000));
		assert_int_equal(beget_join(p, 0, NULL), 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, i + 1);
		beget_free(p);
	}
}

/* A process that the sentinel has reported cannot be signalled: a signal would hit a process that is exiting. */
static void a_sentinel_and_a_signal(enum beget_method method)
{
	for (int i = 0; i < 20; i++) {
		struct beget_process *p = start(method, BEGET_CALL(add, i, 1));
		assert_true(readable(beget_sentinel(p), 5000));
		assert_int_equal(beget_kill(p, SIGTERM), -ESRCH);
		expect_exit(p, 0);
	}
}

static void runs_on(struct beget_fd fd, bool in_another_thread)
{
	pthread_t thread;
	char c;

	if (in_another_thread && pthread_create(&thread, NULL, reads_to_the_end, (void *)(intptr_t)fd.fd) == 0)
		pthread_exit(NULL);
	dup2(fd.fd, 0);
	beget__fd_close_range(1, ~0u);
	if (read(0, &c, 1) == 0)
		_exit(3);
}

/* The child has closed its channel, or its first thread is a zombie, and its helper has ended: the child is still
 * running. */
static void a_child_without_a_helper(bool in_another_thread)
{
	struct beget_status status;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(runs_on, BEGET_FD(pipes[0]), in_another_thread));
	close(pipes[0]);
	assert_true(beget_pid(p) > 0);
	assert_int_equal(beget_join(p, 50, NULL), -ETIMEDOUT);
	assert_int_equal(kill(helper_pid(), SIGKILL), 0);
	assert_int_equal(beget_join(p, 50, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p, 0), 0);
	close(pipes[1]);
	assert_int_equal(beget_join(p, 5000, &status), 0);
	assert_true(status.outcome == BEGET_LOST ||
	            (status.outcome == BEGET_EXITED && status.code == (in_another_thread ? 0 : 3)));
	assert_int_equal(beget_kill(p, 0), -ESRCH);
	beget_free(p);
}

/* A child that is killed while its helper is stopped. */
static struct beget_process *killed_unseen(pid_t helper)
{
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));

	assert_true(beget_pid(p) > 0);
	assert_int_equal(kill(helper, SIGSTOP), 0);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	return p;
}

/* The channel reports nothing, but the child's zombie in /proc does. */
static void a_stopped_helper(void)
{
	pid_t helper = helper_pid();
	struct beget_process *p = killed_unseen(helper);

	if (beget__proc_zombies_report())
		expect_end(p, BEGET_SIGNALED, SIGTERM);
	else
		expect_end(p, BEGET_LOST, 0);
	assert_int_equal(kill(helper, SIGCONT), 0);
}

/* On a busy machine. On an old kernel nothing but the report shows how the child ended. */
static void a_late_report(void)
{
	pid_t helper = helper_pid();
	struct beget_process *p = killed_unseen(helper);
	pid_t waker = fork();

	if (waker == 0) {
		sleep_ms(600);
		_exit(kill(helper, SIGCONT));
	}
	expect_end(p, BEGET_SIGNALED, SIGTERM);
	assert_int_equal(waitpid(waker, NULL, 0), waker);
}

static int reports[2];

static void starts_a_sleeper_and_ends(void)
{
	struct beget_process *p;
	pid_t pids[2] = {host_helper(), 0};

	CHECK(beget_start(&p, NULL, BEGET_CALL(sleeper)) == 0);
	pids[1] = beget_pid(p);
	CHECK(write(reports[1], pids, sizeof(pids)) == sizeof(pids));
	raise(SIGKILL);
}

/* A running child holds the helper's socket for its own starts, so the socket does not show the end of the client. */
static void a_helper_without_its_client(void)
{
	pid_t pids[2];

	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t host = host_start(starts_a_sleeper_and_ends);
	assert_int_equal(read(reports[0], pids, sizeof(pids)), sizeof(pids));
	host_end(host);
	assert_true(process_gone(pids[0], 5000));
	assert_int_equal(kill(pids[1], 0), 0);
	kill(pids[1], SIGKILL);
	assert_true(process_gone(pids[1], 5000));
	close(reports[0]);
	close(reports[1]);
}

static void what_a_helper_does_not_tell(void)
{
	a_stopped_helper();
	a_late_report();
	a_child_without_a_helper(false);
#ifdef __GLIBC__ /* with musl it would never end: beget(7), C libraries */
	a_child_without_a_helper(true);
#endif
	a_helper_without_its_client();
}

static void large(enum beget_method method)
{
	static char bytes[3 << 20];
	struct beget_bytes back;

	memset(bytes, (int)method + 1, sizeof(bytes));
	struct beget_process *p = start(method, BEGET_CALL(echo, BEGET_BYTES(bytes, sizeof(bytes))));
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &back), 0);
	assert_int_equal(back.size, sizeof(bytes));
	assert_memory_equal(back.data, bytes, sizeof(bytes));
	expect_exit(p, 0);
}

static void freed_while_it_runs(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(sleeper));
	pid_t pid = beget_pid(p);

	beget_free(p);
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	assert_true(process_gone(pid, 5000));
	/* reaped by its helper, or by a later call of the library */
	for (int64_t end = now_ms() + 3000; kill(pid, 0) == 0 && now_ms() < end; sleep_ms(1))
		int_result(method, BEGET_CALL(add, 1, 1));
	assert_int_equal(kill(pid, 0), -1);
}

/* Runs all tests without these calls. */
static void without(const char *calls, int error)
{
	static const enum beget_method methods[] = {BEGET_FORKSERVER, BEGET_SPAWN, BEGET_FORK};
	int few = 0;

	arm("", calls, 0, error);
	for (int i = 0; i < 3; i++) {
		enum beget_method method = methods[i];
		exit_codes(method);
		waiting(method);
		a_sentinel_and_a_result(method);
		a_sentinel_and_a_signal(method);
		large(method);
		freed_while_it_runs(method);
		if (method != BEGET_FORK) {
			int n = int_result(method, BEGET_CALL(descriptors));
			assert_true(!few || n == few);
			few = n;
		}
	}
	if (strstr(calls, " uname "))
		a_late_report();
	if (strstr(calls, " pidfd_open "))
		what_a_helper_does_not_tell();
	disarm();
}

#define ALL " pidfd_open clone_pidfd pidfd_send_signal waitid_pidfd pidfd_info close_range memfd_create "

static const int ways[] = {ENOSYS, EPERM, EINVAL, EUCLEAN};

static void in_every_way(const char *calls)
{
	born_with_faults();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		without(calls, ways[i]);
		assert_true(plan->hits > 0);
	}
	born_without();
}

#define WITHOUT(call)                                                                                                  \
	static void without_##call(void)                                                                               \
	{                                                                                                              \
		in_every_way(" " #call " ");                                                                           \
	}
WITHOUT(pidfd_open)
WITHOUT(clone_pidfd)
WITHOUT(pidfd_send_signal)
WITHOUT(waitid_pidfd)
WITHOUT(clone_vm)
WITHOUT(close_range)
WITHOUT(memfd_create)
WITHOUT(poll)
WITHOUT(uname) /* an older kernel, whose zombies do not show how they ended */

static void without_pidfds(void)
{
	in_every_way(" pidfd_open clone_pidfd pidfd_send_signal waitid_pidfd pidfd_info ");
}

static void without_all(void)
{
	in_every_way(ALL);
}

/* The exit record of a pidfd is the last source: without it, the helper's report and the zombie must do. */
static void without_pidfd_info(void)
{
	born_with_faults();
	without(" pidfd_info ", ENOTTY);
	born_without();
}

static void starts_and_ends(void)
{
	struct beget_process *p;
	pid_t helper = host_helper();

	arm("helper", " poll ppoll ", 0, EPERM);
	CHECK(beget_start(&p, NULL, BEGET_CALL(add, 2, 3)) == 0);
	CHECK(write(reports[1], &helper, sizeof(helper)) == sizeof(helper));
	raise(SIGKILL);
}

/* A helper that cannot wait for anything must not stay behind when its client has ended. */
static void without_polling(void)
{
	pid_t helper = 0;

	born_with_faults();
	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t host = host_start(starts_and_ends);
	assert_int_equal(read(reports[0], &helper, sizeof(helper)), sizeof(helper));
	host_end(host);
	assert_true(helper > 0 && process_gone(helper, 5000));
	assert_true(disarm() > 0);
	close(reports[0]);
	close(reports[1]);
	for (int i = 0; i < 3; i++) {
		const struct beget_options *o =
			BEGET_OPTIONS(.method = (enum beget_method)i, .flags = BEGET_UNSAFE_FORK, .limit_ms = 300);
		arm("child", " poll ppoll ", 0, EPERM); /* the monitor has the child's role */
		expect_end(start_with(o, BEGET_CALL(sleeper)), BEGET_TIMED_OUT, SIGKILL);
		expect_exit(start_with(o, BEGET_CALL(exits_with, 7)), 7);
		assert_true(disarm() > 0);
	}
	born_without();
}

/* A kernel whose /proc does not list children: a tree is refused, because it could not be ended. */
static void without_lists_of_children(void)
{
	born_with_faults();
	for (int i = 0; i < 3; i++) {
		const struct beget_options *o = BEGET_OPTIONS(.method = (enum beget_method)i, .flags = BEGET_TREE);
		char text[400];
		arm("child", " children ", 0, ENOENT);
		struct beget_process *p = start_with(o, BEGET_CALL(exits_with, 7));
		assert_int_equal(beget_join(p, 5000, NULL), 0);
		assert_int_equal(disarm(), 1);
		beget_describe(p, text, sizeof(text));
		assert_non_null(strstr(text, "cannot end the tree of the child"));
		expect_end(p, BEGET_FAILED, -EOPNOTSUPP);
		expect_exit(start_with(o, BEGET_CALL(exits_with, 7)), 7);
	}
	born_without();
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(without_pidfd_open),
		UNIT(without_clone_pidfd),
		UNIT(without_pidfd_send_signal),
		UNIT(without_waitid_pidfd),
		UNIT(without_clone_vm),
		UNIT(without_close_range),
		UNIT(without_memfd_create),
		UNIT(without_uname),
		UNIT(without_pidfd_info),
		UNIT(without_poll),
		UNIT(without_polling),
		UNIT(without_pidfds),
		UNIT(without_all),
		UNIT(without_lists_of_children),
	};

	plan_begin(argc, argv);
	int failed = run_units(table, sizeof(table) / sizeof(*table), 1);
	unlink(plan_file);
	return failed;
}
