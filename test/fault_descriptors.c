/* The descriptor table of the caller is full, or becomes full during a start: the start works or fails with -EMFILE,
 * nothing leaks, and a handle that was returned works. */
#include "harness.h"
#include "host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static char bytes[200000];

static int add(int a, int b)
{
	return a + b;
}

static void sleeper(void)
{
	pause();
}

static struct beget_bytes echo(struct beget_bytes b)
{
	return b;
}

static void restore(const struct rlimit *before)
{
	setrlimit(RLIMIT_NOFILE, before);
}

/* Occupies all free numbers. The caller closes them. */
static int fill(int *fds)
{
	int n = 0;

	while ((fds[n] = dup(0)) >= 0)
		n++;
	return n;
}

static void empty(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void expect_result(struct beget_process *p, int expected)
{
	int value = 0;

	assert_int_equal(beget_join(p, 5000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, expected);
	beget_free(p);
}

/* One start with k free numbers, which are few enough to be used up. */
static int start_in(enum beget_method method, bool tied, int k)
{
	struct beget_process *const untouched = (void *)bytes, *p = untouched;
	struct beget_status status = {0};
	int value = 0, before = count_descriptors();

	struct rlimit limit = leave_places(k);
	int error =
		beget_start(&p, BEGET_OPTIONS(.method = method, .flags = tied ? BEGET_TIED : 0), BEGET_CALL(add, 2, k));
	int joined = error ? 0 : beget_join(p, 5000, &status);
	int got = error ? 0 : beget_result(p, &value);
	if (!error)
		beget_free(p);
	restore(&limit);
	assert_true(count_descriptors() <= before); /* fewer by the socket of a helper that has ended */
	if (error) {
		assert_int_equal(error, -EMFILE);
		assert_ptr_equal(p, untouched);
		assert_non_null(strstr(beget_error(), strerror(EMFILE)));
	} else {
		assert_int_equal(joined, 0);
		/* a child may reach the limit, because it has the same */
		if (status.outcome != BEGET_FAILED || status.code != -EMFILE) {
			assert_int_equal(status.outcome, BEGET_EXITED);
			assert_int_equal(status.code, 0);
			assert_int_equal(got, 0);
			assert_int_equal(value, 2 + k);
		}
	}
	return error ? error : status.outcome == BEGET_FAILED ? status.code : 0;
}

static void by(enum beget_method method, bool cold)
{
	for (int tied = 0; tied < 2; tied++) {
		int last = -1;
		for (int k = 0; k <= 14; k++) {
			if (cold) {
				pid_t helper = helper_pid();
				assert_int_equal(kill(helper, SIGKILL), 0);
				assert_true(process_gone(helper, 5000));
			}
			last = start_in(method, tied, k);
			if (k == 0)
				assert_int_equal(last, -EMFILE);
			assert_int_equal(int_result(method, BEGET_CALL(add, 1, 1)), 2);
		}
		assert_int_equal(last, 0); /* this number is sufficient */
	}
}

static void fork_in_a_full_table(void)
{
	by(BEGET_FORK, false);
}

static void spawn_in_a_full_table(void)
{
	by(BEGET_SPAWN, false);
}

static void forkserver_in_a_full_table(void)
{
	by(BEGET_FORKSERVER, false);
}

static void helper_launched_in_a_full_table(void)
{
	by(BEGET_FORKSERVER, true);
}

static bool is_pidfd(int fd)
{
	char path[40], link[80] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link) - 1) > 0 && strstr(link, "pidfd");
}

/* Full after the start: the number for the descriptor that is still to come was reserved. */
static void full_after_the_start(void)
{
	static int fds[70000];

	for (int method = 0; method < 3; method++)
		for (int i = 0; i < 20; i++) {
			struct rlimit before = leave_places(30);
			struct beget_process *p, *s;
			int error = beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method),
			                        BEGET_CALL(add, i, 3)),
			    error2 = beget_start(&s, BEGET_OPTIONS(.method = (enum beget_method)method),
			                         BEGET_CALL(sleeper));
			int n = fill(fds);
			pid_t pid = beget_pid(s);
			int sentinel = beget_sentinel(s);
			bool pidfd = is_pidfd(sentinel);
			int running = beget_join(s, 0, NULL), killed = beget_kill(s, SIGTERM);
			assert_int_equal(error + error2, 0);
			assert_true(n > 0 && pid > 0 && sentinel >= 0);
			assert_int_equal(running, -ETIMEDOUT);
			assert_int_equal(killed, 0);
			expect_result(p, i + 3);
			expect_end(s, BEGET_SIGNALED, SIGTERM);
			empty(fds, n);
			restore(&before);
			p = start((enum beget_method)method, BEGET_CALL(add, 1, 1));
			assert_true(beget_pid(p) > 0);
			assert_int_equal(pidfd, is_pidfd(beget_sentinel(p)));
			expect_result(p, 2);
		}
}

/* Starts until no number is free: each handle that was returned reaches its end. */
static void until_no_place_is_left(void)
{
	for (int k = 0; k < 20; k++)
		for (int method = 0; method < 3; method++) {
			struct rlimit before = leave_places(k);
			struct beget_process *p[8];
			int n = 0, error;
			while (n < 8 && (error = beget_start(&p[n], BEGET_OPTIONS(.method = (enum beget_method)method),
			                                     BEGET_CALL(add, n, k))) == 0)
				n++;
			assert_true(n == 8 || error == -EMFILE);
			restore(&before);
			for (int i = 0; i < n; i++) {
				struct beget_status status;
				assert_int_equal(beget_join(p[i], 5000, &status), 0);
				assert_true((status.outcome == BEGET_EXITED && status.code == 0) ||
				            (status.outcome == BEGET_FAILED && status.code == -EMFILE));
				beget_free(p[i]);
			}
		}
}

/* Large arguments are sent in a file, or in packets if no descriptor is free. */
static void large_arguments(enum beget_method method)
{
	for (int k = 0; k <= 14; k++) {
		struct beget_process *p;
		struct beget_bytes back;
		int before = count_descriptors();
		struct rlimit limit = leave_places(k);
		int error = beget_start(&p, BEGET_OPTIONS(.method = method),
		                        BEGET_CALL(echo, BEGET_BYTES(bytes, sizeof(bytes))));
		restore(&limit);
		if (error) {
			assert_int_equal(error, -EMFILE);
		} else {
			struct beget_status status;
			assert_int_equal(beget_join(p, 5000, &status), 0);
			if (status.outcome != BEGET_FAILED || status.code != -EMFILE) {
				assert_int_equal(beget_result(p, &back), 0);
				assert_int_equal(back.size, sizeof(bytes));
			}
			beget_free(p);
		}
		assert_int_equal(count_descriptors(), before);
	}
}

static void large_arguments_in_a_full_table(void)
{
	for (int method = 0; method < 3; method++)
		large_arguments((enum beget_method)method);
}

/* A large result is received in a file too. If no descriptor is free, only the result is lost. */
static void large_result_in_a_full_table(void)
{
	static int fds[70000];

	for (int method = 0; method < 3; method++) {
		struct beget_process *p =
			start((enum beget_method)method, BEGET_CALL(echo, BEGET_BYTES(bytes, sizeof(bytes))));
		struct beget_status status;
		struct beget_bytes back;
		beget_pid(p);
		struct rlimit before = leave_places(2);
		int n = fill(fds);
		int joined = beget_join(p, 5000, &status), error = beget_result(p, &back);
		empty(fds, n);
		restore(&before);
		assert_int_equal(joined, 0);
		assert_int_equal(status.outcome, BEGET_EXITED);
		assert_true(error == -ENODATA || (error == 0 && back.size == sizeof(bytes)));
		beget_free(p);
	}
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(fork_in_a_full_table),
		UNIT(spawn_in_a_full_table),
		UNIT(forkserver_in_a_full_table),
		UNIT(helper_launched_in_a_full_table),
		UNIT(full_after_the_start),
		UNIT(until_no_place_is_left),
		UNIT(large_arguments_in_a_full_table),
		UNIT(large_result_in_a_full_table),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
