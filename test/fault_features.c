/* Features that a kernel may lack or a sandbox may refuse, taken away one by one and all together, in caller, helper
 * and children alike: what a user sees is as before. */
#include "plan.h"

#include <poll.h>

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

static void sleeper(void)
{
	pause();
}

static struct beget_bytes echo(struct beget_bytes bytes)
{
	return bytes;
}

/* Closed, but for its channel: what the kernel keeps open for it, the library does not. */
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

/* A result makes the channel readable: by then the end can be joined at once. */
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

/* All of it, in a world without these calls. */
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
		large(method);
		freed_while_it_runs(method);
		if (method != BEGET_FORK) {
			int n = int_result(method, BEGET_CALL(descriptors));
			assert_true(!few || n == few);
			few = n;
		}
	}
	disarm();
}

#define ALL " pidfd_open clone_pidfd pidfd_send_signal waitid_pidfd pidfd_info close_range memfd_create "

static const int ways[] = {ENOSYS, EPERM, EINVAL};

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
WITHOUT(close_range)
WITHOUT(memfd_create)

static void without_pidfds(void)
{
	in_every_way(" pidfd_open clone_pidfd pidfd_send_signal waitid_pidfd pidfd_info ");
}

static void without_all(void)
{
	in_every_way(ALL);
}

/* The exit record of a pidfd is asked last: without it, the helper's word and the zombie have to do. */
static void without_pidfd_info(void)
{
	born_with_faults();
	without(" pidfd_info ", ENOTTY);
	born_without();
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(without_pidfd_open),   UNIT(without_clone_pidfd), UNIT(without_pidfd_send_signal),
		UNIT(without_waitid_pidfd), UNIT(without_close_range), UNIT(without_memfd_create),
		UNIT(without_pidfd_info),   UNIT(without_pidfds),      UNIT(without_all),
	};

	plan_begin(argc, argv);
	int failed = run_units(table, sizeof(table) / sizeof(*table), 1);
	unlink(plan_file);
	return failed;
}
