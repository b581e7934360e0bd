/* The life of a helper: it is not our child, has one thread, and has as many descriptors after a hundred starts as
 * after five. It exits when its last client has ended, in whatever way. */
#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>

static int reports[2]; /* hosts send pids */

static void report(pid_t pid)
{
	CHECK(write(reports[1], &pid, sizeof(pid)) == sizeof(pid));
}

static pid_t hear(void)
{
	pid_t pid = 0;

	assert_int_equal(read(reports[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

/* Waits until the process is gone, including its zombie. */
static bool vanishes(pid_t pid)
{
	for (int64_t end = now_ms() + 5000; kill(pid, 0) == 0; sleep_ms(2))
		if (now_ms() >= end)
			return false;
	return errno == ESRCH;
}

static void quick(void)
{
}

static void sleeper(void)
{
	pause();
}

static void by_return(void)
{
	report(host_helper());
}

static void by_exit(void)
{
	report(host_helper());
	exit(0);
}

static void by_signal(void)
{
	report(host_helper());
	raise(SIGKILL);
}

static void by_abort(void)
{
	signal(SIGABRT, SIG_DFL);
	report(host_helper());
	abort();
}

/* The process executes another program, which knows nothing of a helper. */
static void by_exec(void)
{
	report(host_helper());
	execl("/bin/sleep", "sleep", "30", (char *)NULL);
	_exit(1);
}

/* The first thread ends, and others continue until they end too. */
static void by_daemon(void)
{
	report(host_helper());
	if (fork() == 0) {
		setsid();
		sleep_ms(200);
		_exit(0);
	}
}

static void leaves_with_its_client(void)
{
	static void (*const ways[])(void) = {by_return, by_exit, by_signal, by_abort, by_exec, by_daemon};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
		pid_t host = host_start(ways[i]), helper = hear();
		if (ways[i] == by_exec) {
			assert_true(vanishes(helper));
			kill(host, SIGKILL);
		}
		host_end(host);
		if (!vanishes(helper))
			fail_msg("way %zu: the helper stays", i);
		close(reports[0]);
		close(reports[1]);
	}
}

static void with_a_child(void)
{
	struct beget_process *p;

	report(host_helper());
	CHECK(beget_start(&p, NULL, BEGET_CALL(sleeper)) == 0);
	report(beget_pid(p));
	raise(SIGKILL);
}

static void leaves_a_running_child_behind(void)
{
	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t host = host_start(with_a_child), helper = hear(), child = hear();
	host_end(host);
	assert_true(vanishes(helper));
	assert_int_equal(kill(child, 0), 0);
	kill(child, SIGKILL);
	assert_true(vanishes(child));
	close(reports[0]);
	close(reports[1]);
}

static void write_late(struct beget_fd fd)
{
	sleep_ms(20);
	if (write(fd.fd, "w", 1) != 1)
		_exit(1);
}

static int late[2];

/* A program starts a process and ends: the process runs, although no client is left. */
static void start_and_end(void)
{
	for (int method = 0; method < 3; method++) {
		struct beget_process *p;
		CHECK(beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method),
		                  BEGET_CALL(write_late, BEGET_FD(late[1]))) == 0);
		if (getpid() % 2)
			beget_free(p);
	}
}

static void what_was_started_runs(void)
{
	enum { HOSTS = 30 };
	char c[3];

	for (int i = often(HOSTS); i > 0; i--) {
		assert_int_equal(pipe2(late, O_CLOEXEC), 0);
		assert_int_equal(host_end(host_start(start_and_end)), 0);
		close(late[1]);
		ssize_t n, got = 0;
		while ((n = read(late[0], c, 3)) > 0)
			got += n;
		close(late[0]);
		assert_int_equal(got, 3);
	}
}

/* A copy of the host that does not use the library does not keep the helper alive. */
static void with_a_copy(void)
{
	report(host_helper());
	pid_t copy = fork();
	if (copy == 0) {
		pause();
		_exit(0);
	}
	report(copy);
}

static void a_copy_does_not_keep_it(void)
{
	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t host = host_start(with_a_copy), helper = hear(), copy = hear();
	host_end(host);
	assert_true(vanishes(helper));
	kill(copy, SIGKILL);
	assert_true(vanishes(copy));
	close(reports[0]);
	close(reports[1]);
}

static int entries(pid_t pid, const char *what)
{
	char command[80];
	int n = 0;

	snprintf(command, sizeof(command), "ls /proc/%d/%s | wc -l", (int)pid, what);
	FILE *f = popen(command, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static void start_some(int n)
{
	struct beget_process *p[10];

	for (int i = 0; i < n; i += 10) {
		for (int j = 0; j < 10; j++)
			p[j] = start(BEGET_FORKSERVER, BEGET_CALL(quick));
		for (int j = 0; j < 10; j++)
			expect_exit(p[j], 0);
	}
}

/* The helper closes a child's channel just after the last report, so wait until it has. */
static void settles(pid_t helper, int fds)
{
	for (int64_t end = now_ms() + 2000; entries(helper, "fd") != fds && now_ms() < end;)
		sleep_ms(5);
	assert_int_equal(entries(helper, "fd"), fds);
}

static void does_not_grow(void)
{
	pid_t helper = helper_pid();

	start_some(10);
	sleep_ms(50);
	int fds = entries(helper, "fd");
	assert_true(fds < 16);
	start_some(200);
	assert_int_equal(helper_pid(), helper);
	settles(helper, fds);
	assert_int_equal(entries(helper, "task"), 1);
	assert_int_equal(proc_number(helper, "Threads"), 1);
}

static void one_place_for_each_running_child(void)
{
	struct beget_process *p[20];
	pid_t helper = helper_pid();

	sleep_ms(50);
	int fds = entries(helper, "fd");
	for (int i = 0; i < 20; i++)
		p[i] = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
	for (int i = 0; i < 20; i++)
		assert_true(beget_pid(p[i]) > 0);
	settles(helper, fds + 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(beget_kill(p[i], SIGKILL), 0);
	for (int i = 0; i < 20; i++)
		expect_end(p[i], BEGET_SIGNALED, SIGKILL);
	settles(helper, fds);
}

/* The host sees neither the launch nor the children of the helper. */
static void not_the_hosts_child(void)
{
	struct beget_process *p;

	signal(SIGCHLD, on_child);
	pid_t helper = host_helper();
	CHECK(proc_number(helper, "PPid") != getpid());
	CHECK(beget_start(&p, NULL, BEGET_CALL(quick)) == 0);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
	CHECK(beget_join(p, 5000, NULL) == 0);
	beget_free(p);
	CHECK(kill(helper, SIGKILL) == 0);
	CHECK(process_gone(helper, 5000));
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD);
	CHECK(signalled == 0);
}

static void is_not_the_hosts_child(void)
{
	run_host(not_the_hosts_child);
}

static void freed_children_are_reaped(void)
{
	pid_t pids[20];

	for (int i = 0; i < 20; i++) {
		struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
		pids[i] = beget_pid(p);
		beget_free(p);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_true(vanishes(pids[i]));
	}
}

/* A subreaper becomes the helper's parent, and reaps the helper when it needs another. */
static void subreaper(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < 5; i++) {
		pid_t helper = host_helper();
		CHECK(proc_number(helper, "PPid") == getpid());
		CHECK(kill(helper, SIGKILL) == 0);
		CHECK(process_gone(helper, 5000));
		CHECK(host_helper() != helper);
		CHECK(kill(helper, 0) == -1 && errno == ESRCH);
	}
}

static void of_a_subreaper(void)
{
	not_under_valgrind("a vforked process has a copy of the memory, and does not learn the helper's pid");
	run_host(subreaper);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(leaves_with_its_client), UNIT(leaves_a_running_child_behind),
		UNIT(what_was_started_runs),  UNIT(a_copy_does_not_keep_it),
		UNIT(does_not_grow),          UNIT(one_place_for_each_running_child),
		UNIT(is_not_the_hosts_child), UNIT(freed_children_are_reaped),
		UNIT(of_a_subreaper),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
