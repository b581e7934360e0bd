/* Events in the life of a helper: every signal at any moment, a terminal's keys, being stopped, being killed while it
 * is prepared and while its spares wait; a host that executes another program; no processes and no memory left. */
#include "host.h"
#include "message/control.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

static int add(int a, int b)
{
	return a + b;
}

static void sleeper(void)
{
	pause();
}

static pid_t launched(void)
{
	pid_t pid = 0;

	beget__control_lend(&pid);
	return pid;
}

/* All signals that can be blocked. 32 and 33 belong to libc. */
static void send_all(pid_t helper)
{
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP && (number < 32 || number >= SIGRTMIN))
			kill(helper, number);
}

/* A helper is born with all signals blocked, so none of them changes anything at any moment. */
static void signals_from_the_launch_on(void)
{
	static const int after_us[] = {0, 30, 100, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 10000, 50000};

	for (size_t i = 0; i < 3 * sizeof(after_us) / sizeof(*after_us); i++) {
		pid_t old = helper_pid();
		assert_int_equal(kill(old, SIGKILL), 0);
		assert_true(process_gone(old, 5000));
		struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(add, 1, 2));
		pid_t helper = launched();
		assert_int_not_equal(helper, old);
		usleep((useconds_t)after_us[i / 3] + 10);
		send_all(helper);
		expect_exit(p, 0);
		assert_int_equal(helper_pid(), helper);
	}
}

static atomic_bool stop;

static void *rain(void *data)
{
	while (!stop)
		send_all(*(pid_t *)data);
	return NULL;
}

static void signals_while_it_works(void)
{
	pid_t helper = helper_pid();
	pthread_t thread;

	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, rain, &helper), 0);
	for (int i = often(300); i > 0; i--)
		assert_int_equal(int_result(BEGET_FORKSERVER, BEGET_CALL(add, i, 1)), i + 1);
	stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(helper_pid(), helper);
}

/* Keys. */

static int master, said[2];
static volatile sig_atomic_t keys;

static void count(int signal)
{
	(void)signal;
	keys++;
}

/* In a session with a terminal, in its foreground group. */
static void at_a_terminal(void)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	sigaction(SIGTSTP, &action, NULL);
	CHECK(write(said[1], "r", 1) == 1);
	struct beget_process *p;
	CHECK(beget_start(&p, NULL, BEGET_CALL(host_parent_of)) == 0);
	pid_t helper = launched();
	while (keys < 9)
		CHECK(poll(NULL, 0, 5) <= 0);
	/* The child is in our group too, so a key may have terminated or stopped it. */
	int continued = beget_kill(p, SIGCONT);
	CHECK(continued == 0 || continued == -ESRCH);
	CHECK(beget_join(p, 10000, NULL) == 0);
	beget_free(p);
	for (int i = 0; i < 3; i++) /* for its children, where the handler is reset */
		signal((int[]){SIGINT, SIGQUIT, SIGTSTP}[i], SIG_IGN);
	CHECK(host_helper() == helper);
}

static void keys_after(int ms)
{
	char c;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	const char *name = ptsname(master);
	fflush(NULL);
	pid_t host = fork();
	if (host == 0) {
		alarm((unsigned)scaled(50));
		setsid();
		int terminal = open(name, O_RDWR | O_CLOEXEC);
		CHECK(terminal >= 0 && ioctl(terminal, TIOCSCTTY, 0) == 0);
		at_a_terminal();
		_exit(0);
	}
	assert_int_equal(read(said[0], &c, 1), 1);
	sleep_ms(ms);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(write(master, &"\003\032\034"[i % 3], 1), 1);
		sleep_ms(5);
	}
	/* pending signals of the same kind are merged */
	for (int64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(5)) {
		siginfo_t info = {0};
		if (waitid(P_PID, (id_t)host, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == host)
			break;
		assert_int_equal(write(master, "\003", 1), 1);
	}
	assert_int_equal(host_end(host), 0);
	close(master);
	close(said[0]);
	close(said[1]);
}

static bool have_terminals(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	const char *name = fd >= 0 ? ptsname(fd) : NULL;
	bool there = name && access(name, F_OK) == 0;

	if (fd >= 0)
		close(fd);
	return there;
}

static void keys_of_a_terminal(void)
{
	if (!have_terminals())
		skip();
	for (int ms = 0; ms <= 50; ms += ms < 4 ? 1 : 23)
		keys_after(ms);
}

/* Stopped. */

static void a_stopped_helper_stops_nobody_else(void)
{
	pid_t helper = helper_pid();
	struct beget_process *running = start(BEGET_FORKSERVER, BEGET_CALL(sleeper)), *p, *late = NULL;

	assert_true(beget_pid(running) > 0);
	kill(helper, SIGSTOP);
	int spawned = int_result(BEGET_SPAWN, BEGET_CALL(add, 1, 1)),
	    forked = int_result(BEGET_FORK, BEGET_CALL(add, 1, 2));
	int64_t begun = now_ms();
	int timed = beget_start(&late, BEGET_OPTIONS(.timeout_ms = 50), BEGET_CALL(add, 1, 3));
	int took = (int)(now_ms() - begun);
	p = start(BEGET_FORKSERVER, BEGET_CALL(add, 1, 4));
	int early = beget_join(p, 50, NULL), killed = beget_kill(running, SIGKILL);
	struct beget_status status = {0};
	int joined = beget_join(running, 5000, &status);
	kill(helper, SIGCONT);
	beget_free(running);
	assert_int_equal(spawned, 2);
	assert_int_equal(forked, 3);
	assert_int_equal(timed, -ETIMEDOUT);
	assert_true(took >= 50 && took < 1000);
	assert_int_equal(early, -ETIMEDOUT);
	assert_int_equal(killed | joined, 0);
	assert_true(status.outcome == BEGET_SIGNALED && status.code == SIGKILL);
	expect_exit(p, 0);
	assert_int_equal(helper_pid(), helper);
}

static void stop_and_end(void)
{
	struct beget_process *p;
	pid_t pids[2] = {host_helper()};

	CHECK(beget_start(&p, BEGET_OPTIONS(.flags = BEGET_TIED), BEGET_CALL(sleeper)) == 0);
	pids[1] = beget_pid(p);
	CHECK(kill(pids[0], SIGSTOP) == 0);
	CHECK(write(said[1], pids, sizeof(pids)) == sizeof(pids));
	raise(SIGKILL);
}

/* The helper's tied children are killed, and the helper ends when it is continued. */
static void a_stopped_helper_whose_client_ends(void)
{
	pid_t pids[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	host_end(host_start(stop_and_end));
	assert_int_equal(read(said[0], pids, sizeof(pids)), sizeof(pids));
	assert_true(process_gone(pids[1], 5000));
	assert_false(process_gone(pids[0], 50));
	kill(pids[0], SIGCONT);
	assert_true(process_gone(pids[0], 5000));
	close(said[0]);
	close(said[1]);
}

/* Killed. */

static int tells_and_sleeps(struct beget_fd fd)
{
	pid_t pid = getpid();

	if (write(fd.fd, &pid, sizeof(pid)) != sizeof(pid))
		return -1;
	pause();
	return 0;
}

static void *kill_who_tells(void *unused)
{
	pid_t pid = 0;

	if (read(said[0], &pid, sizeof(pid)) == sizeof(pid))
		kill(pid, SIGKILL);
	return unused;
}

static void killed_in_its_prepare_call(void)
{
	struct beget_server *const untouched = (void *)said, *server = untouched;
	pthread_t thread;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, kill_who_tells, NULL), 0);
	int error = beget_server_open(&server,
	                              BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(tells_and_sleeps, BEGET_FD(said[1]))));
	pthread_join(thread, NULL);
	assert_int_equal(error, -ECONNRESET);
	assert_non_null(strstr(beget_error(), "the server ended: the prepare call"));
	assert_ptr_equal(server, untouched);
	close(said[0]);
	close(said[1]);
}

static struct beget_server *open_with_spares(void)
{
	struct beget_server *server = NULL;

	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.spares = 3, .spawn_spares = 2)) < 0)
		fail_msg("open: %s", beget_error());
	return server;
}

/* A spare may have been used after its helper had ended, before the library noticed that. */
static pid_t pid_of(struct beget_server *server)
{
	struct beget_server_status status;
	int error;

	for (int i = 0; i < 3 && (error = beget_server_status(server, &status)) == -ESRCH; i++)
		assert_int_equal(int_result_with(BEGET_OPTIONS(.server = server), BEGET_CALL(add, i, 1)), i + 1);
	if (error)
		fail_msg("status: %s", beget_error());
	return status.pid;
}

/* Some spares are requested, some are being created, some wait: those that were taken serve, the others end. */
static void killed_while_spares_wait(void)
{
	struct beget_server *server = open_with_spares();

	for (int i = 0; i < often(40); i++) {
		pid_t helper = pid_of(server);
		usleep((useconds_t)(i * i * 12));
		struct beget_process *before = start_with(BEGET_OPTIONS(.server = server), BEGET_CALL(sleeper));
		if (i % 2)
			assert_true(beget_pid(before) > 0);
		assert_int_equal(kill(helper, SIGKILL), 0);
		enum beget_method method = i % 3 ? BEGET_FORKSERVER : BEGET_SPAWN;
		if (i % 4 == 0)
			assert_true(process_gone(helper, 5000));
		/* a request to the killed helper may fail, but no later one */
		struct beget_process *p =
			start_with(BEGET_OPTIONS(.server = server, .method = method), BEGET_CALL(add, i, 1));
		struct beget_status status;
		assert_int_equal(beget_join(p, 10000, &status), 0);
		assert_true((status.outcome == BEGET_EXITED && status.code == 0) ||
		            (i % 4 && (status.outcome == BEGET_LOST ||
		                       (status.outcome == BEGET_FAILED && status.code == -ECONNRESET))));
		beget_free(p);
		int killed = beget_kill(before, SIGKILL);
		assert_true(killed == 0 || (i % 2 == 0 && killed == -ESRCH));
		assert_int_equal(beget_join(before, 10000, &status), 0);
		assert_true(status.outcome == BEGET_SIGNALED || status.outcome == BEGET_LOST ||
		            (i % 2 == 0 && status.outcome == BEGET_FAILED));
		beget_free(before);
		assert_true(process_gone(helper, 5000));
		assert_int_equal(int_result_with(BEGET_OPTIONS(.server = server), BEGET_CALL(add, i, 1)), i + 1);
	}
	beget_server_close(server);
}

static int open_here(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	return n;
}

/* A child of a prepared server has what any child has, and no descriptor of the helper: otherwise the helper's end
 * would not be noticed while the child runs. */
static void killed_while_a_child_of_its_runs(void)
{
	struct beget_server *server = NULL;
	int expected = int_result(BEGET_FORKSERVER, BEGET_CALL(open_here));

	assert_int_equal(beget_server_open(&server, NULL), 0);
	for (int i = 0; i < 5; i++) {
		struct beget_process *p = start_with(BEGET_OPTIONS(.server = server), BEGET_CALL(sleeper));
		assert_true(beget_pid(p) > 0);
		assert_int_equal(int_result_with(BEGET_OPTIONS(.server = server), BEGET_CALL(open_here)), expected);
		pid_t helper = pid_of(server);
		assert_int_equal(kill(helper, SIGKILL), 0);
		assert_true(process_gone(helper, 5000));
		assert_int_equal(
			int_result_with(BEGET_OPTIONS(.server = server, .timeout_ms = 5000), BEGET_CALL(add, 1, i)),
			1 + i);
		assert_int_equal(beget_kill(p, SIGKILL), 0);
		assert_int_equal(beget_join(p, 5000, NULL), 0);
		beget_free(p);
	}
	beget_server_close(server);
}

/* The prepare call leaves a copy of the server behind, as a daemon does, possibly with all its descriptors. */
static int forks_and_goes_on(struct beget_fd fd, int raw, int sleep)
{
	pid_t pid = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : fork();

	if (pid == 0)
		sleeper();
	if (write(fd.fd, &pid, sizeof(pid)) != sizeof(pid))
		return -1;
	pid = getpid();
	if (sleep && write(fd.fd, &pid, sizeof(pid)) == sizeof(pid))
		sleeper();
	return 0;
}

static pid_t hear(void)
{
	pid_t pid = 0;

	assert_int_equal(read(said[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static void *kill_the_second(void *unused)
{
	pid_t copy = hear();

	kill(hear(), SIGKILL);
	sleep_ms(500);
	kill(copy, SIGKILL);
	return unused;
}

/* Its end is noticed nevertheless. */
static void killed_with_copies_left(int raw)
{
	struct beget_server *server = NULL;

	assert_int_equal(
		beget_server_open(&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(forks_and_goes_on,
	                                                                              BEGET_FD(said[1]), raw, 0))),
		0);
	for (int i = 0; i < 3; i++) {
		pid_t copy = hear(), helper = pid_of(server);
		assert_int_equal(kill(helper, SIGKILL), 0);
		assert_true(process_gone(helper, 5000));
		struct beget_process *p =
			start_with(BEGET_OPTIONS(.server = server, .timeout_ms = 5000), BEGET_CALL(add, 1, i));
		expect_exit(p, 0);
		kill(copy, SIGKILL);
	}
	kill(hear(), SIGKILL);
	beget_server_close(server);
}

static void killed_with_a_copy_of_it_left(void)
{
	struct beget_server *server = NULL;
	pthread_t thread;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	killed_with_copies_left(0);
	killed_with_copies_left(1);
	assert_int_equal(pthread_create(&thread, NULL, kill_the_second, NULL), 0);
	int64_t begun = now_ms();
	int error = beget_server_open(
		&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(forks_and_goes_on, BEGET_FD(said[1]), 0, 1)));
	assert_true(now_ms() - begun < 400);
	pthread_join(thread, NULL);
	assert_int_equal(error, -ECONNRESET);
	close(said[0]);
	close(said[1]);
}

/* Hosts. */

/* Sends what the test needs to know of the host before the host executes another program. */
static _Noreturn void say_and_exec(const pid_t *pids, size_t size)
{
	CHECK(write(said[1], pids, size) == (ssize_t)size);
	execl("/bin/sleep", "sleep", "30", (char *)NULL);
	_exit(1);
}

static pid_t host_that_says(void (*body)(void), pid_t *pids, size_t size)
{
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid_t host = host_start(body);
	assert_int_equal(read(said[0], pids, size), size);
	return host;
}

static void end_host(pid_t host)
{
	kill(host, SIGKILL);
	host_end(host);
	close(said[0]);
	close(said[1]);
}

static void exec_with_children(void)
{
	struct beget_process *p[2];
	pid_t pids[3] = {host_helper()};

	for (int i = 0; i < 2; i++) {
		CHECK(beget_start(&p[i], BEGET_OPTIONS(.flags = i ? 0 : BEGET_TIED), BEGET_CALL(sleeper)) == 0);
		pids[i + 1] = beget_pid(p[i]);
	}
	say_and_exec(pids, sizeof(pids));
}

/* The host executed another program: its tied children are killed; the others continue and have the helper until they
 * end. */
static void a_host_that_executes_another_program(void)
{
	pid_t pids[3];
	pid_t host = host_that_says(exec_with_children, pids, sizeof(pids));

	assert_true(process_gone(pids[1], 5000));
	assert_false(process_gone(pids[2], 50));
	kill(pids[2], SIGKILL);
	assert_true(process_gone(pids[0], 5000));
	end_host(host);
}

static void closes_all(struct beget_fd out)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fd != out.fd)
			close(fd);
	if (write(out.fd, "c", 1) == 1 && close(out.fd) == 0)
		sleeper();
}

static void exec_with_a_child_that_holds_nothing(void)
{
	struct beget_process *p;
	pid_t pids[2] = {host_helper()};
	int closed[2];
	char c;

	CHECK(pipe2(closed, O_CLOEXEC) == 0);
	CHECK(beget_start(&p, NULL, BEGET_CALL(closes_all, BEGET_FD(closed[1]))) == 0);
	pids[1] = beget_pid(p);
	CHECK(read(closed[0], &c, 1) == 1);
	say_and_exec(pids, sizeof(pids));
}

/* No process can send requests to the helper, and none waits for its child: the helper exits, and the child
 * continues. */
static void nobody_wants_to_know(void)
{
	pid_t pids[2];
	pid_t host = host_that_says(exec_with_a_child_that_holds_nothing, pids, sizeof(pids));

	assert_true(process_gone(pids[0], 5000));
	assert_int_equal(kill(pids[1], SIGKILL), 0);
	assert_true(process_gone(pids[1], 5000));
	end_host(host);
}

/* As daemon(3) does: forks, ends the parent, and creates a session. */
static void become_a_daemon(void)
{
	pid_t before = host_helper();

	CHECK(daemon(1, 1) == 0);
	alarm((unsigned)scaled(20));
	CHECK(process_gone(before, 5000));
	pid_t own = host_helper();
	CHECK(own != before && getsid(own) == getsid(0));
	CHECK(write(said[1], &own, sizeof(own)) == sizeof(own));
	_exit(0);
}

static void a_host_that_becomes_a_daemon(void)
{
	pid_t own = 0;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	run_host(become_a_daemon);
	close(said[1]);
	assert_int_equal(read(said[0], &own, sizeof(own)), sizeof(own));
	assert_true(process_gone(own, 5000));
	close(said[0]);
}

/* The parent's helper is not affected by what a forked copy does. */
static void fork_and_count(void)
{
	struct beget_server_status before, after;

	host_helper();
	CHECK(beget_server_status(NULL, &before) == 0);
	for (int i = 0; i < 3; i++) {
		pid_t copy = fork();
		if (copy == 0) {
			for (int j = 0; j < 5; j++)
				CHECK(host_int(BEGET_FORKSERVER, BEGET_CALL(add, 1, j)) == j + 1);
			_exit(0);
		}
		CHECK(host_end(copy) == 0);
	}
	CHECK(beget_server_status(NULL, &after) == 0);
	CHECK(after.pid == before.pid && after.started == before.started);
}

static void a_copy_is_not_heard(void)
{
	run_host(fork_and_count);
}

/* Nothing left. */

static void no_more_processes(void)
{
	struct beget_process *p;
	struct rlimit before, none;

	become_ordinary();
	getrlimit(RLIMIT_NPROC, &before);
	none = (struct rlimit){1, before.rlim_max};
	for (int cold = 0; cold < 2; cold++) {
		if (cold)
			CHECK(kill(host_helper(), SIGKILL) == 0 && process_gone(launched(), 5000));
		CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
		for (int method = cold ? 0 : 1; method < 3; method++) {
			int error = beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method),
			                        BEGET_CALL(add, 1, 1));
			CHECK(error == -EAGAIN && strstr(beget_error(), ": cannot "));
		}
		CHECK(setrlimit(RLIMIT_NPROC, &before) == 0);
		for (int method = 0; method < 3; method++)
			CHECK(host_int((enum beget_method)method, BEGET_CALL(add, 1, method)) == method + 1);
	}
}

static void a_full_process_table(void)
{
	not_under_valgrind("it makes processes of its own way");
	run_host(no_more_processes);
}

/* Stops the helper. A process continues it a moment after *until is closed, which also happens when this process
 * ends. */
static void stop_helper(pid_t helper, int *until)
{
	int fds[2];
	char c;

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	CHECK(kill(helper, SIGSTOP) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[1]);
		(void)!read(fds[0], &c, 1);
		sleep_ms(200);
		kill(helper, SIGCONT);
		_exit(0);
	}
	close(fds[0]);
	*until = fds[1];
	CHECK(pid > 0);
}

/* The kernel limits the descriptors that a user has in flight. Those of a start are in flight until the helper and the
 * child have received them, which may take a moment, or forever if the helper does not receive. */
static void descriptors_on_their_way(void)
{
	enum { N = 90, FDS = 300 };
	struct beget_process *p[N];
	struct rlimit few;
	int until, value, n = 0, error = 0;

	become_ordinary();
	pid_t helper = host_helper();
	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = FDS;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	stop_helper(helper, &until);
	while (n < N && (error = beget_start(&p[n], NULL, BEGET_CALL(add, n, 1))) == 0)
		n++;
	CHECK(n < N && error == -EMFILE && strstr(beget_error(), ": cannot "));
	close(until);
	for (; n < N; n++)
		CHECK(beget_start(&p[n], NULL, BEGET_CALL(add, n, 1)) == 0);
	for (int i = 0; i < N; i++) {
		CHECK(beget_join(p[i], 10000, NULL) == 0);
		CHECK(beget_result(p[i], &value) == 0 && value == i + 1);
		beget_free(p[i]);
	}
	CHECK(host_helper() == helper);
}

static void many_descriptors_on_their_way(void)
{
	not_under_valgrind("it has no limit of its own for them");
	run_host(descriptors_on_their_way);
}

static struct beget_bytes echo(struct beget_bytes b)
{
	return b;
}

static struct rlimit limit_memory(pid_t pid, rlim_t more)
{
	struct rlimit before, now;
	long kib = proc_number(pid, "VmSize");

	CHECK(kib > 0 && prlimit(pid, RLIMIT_AS, NULL, &before) == 0);
	now = (struct rlimit){((rlim_t)kib << 10) + more, before.rlim_max};
	CHECK(prlimit(pid, RLIMIT_AS, &now, NULL) == 0);
	return before;
}

static void little_memory(void)
{
	enum { LARGE = 64 << 20 };
	static char large[LARGE];
	struct beget_process *p;
	struct beget_status status;
	struct beget_bytes bytes;
	pid_t helper = host_helper();

	for (int method = 0; method < 3; method++) { /* the caller's limit, which its children get */
		const struct beget_options *o = BEGET_OPTIONS(.method = (enum beget_method)method);
		struct rlimit before = limit_memory(getpid(), 16 << 20);
		int error = beget_start(&p, o, BEGET_CALL(echo, BEGET_BYTES(large, LARGE)));
		CHECK(error == 0 || error == -ENOMEM);
		if (!error) {
			CHECK(beget_join(p, 10000, &status) == 0);
			CHECK(status.outcome == BEGET_EXITED ||
			      (status.outcome == BEGET_FAILED && status.code == -ENOMEM));
			CHECK(beget_result(p, &bytes) != 0 || bytes.size == LARGE);
			beget_free(p);
		}
		CHECK(host_int((enum beget_method)method, BEGET_CALL(add, 1, method)) == method + 1);
		CHECK(prlimit(0, RLIMIT_AS, &before, NULL) == 0);
	}
	struct rlimit before = limit_memory(helper, 0); /* the helper's limit */
	for (int i = 0; i < 5; i++) {
		CHECK(beget_start(&p, NULL, BEGET_CALL(add, 1, 1)) == 0);
		CHECK(beget_join(p, 10000, &status) == 0);
		CHECK(status.outcome == BEGET_EXITED || (status.outcome == BEGET_FAILED && status.code == -ENOMEM));
		beget_free(p);
	}
	CHECK(prlimit(helper, RLIMIT_AS, &before, NULL) == 0);
	CHECK(host_helper() == helper);
}

static void a_limit_of_memory(void)
{
	not_under_valgrind("its memory is the limit's too");
	run_host(little_memory);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(signals_from_the_launch_on),
		UNIT(signals_while_it_works),
		UNIT(keys_of_a_terminal),
		UNIT(a_stopped_helper_stops_nobody_else),
		UNIT(a_stopped_helper_whose_client_ends),
		UNIT(killed_in_its_prepare_call),
		UNIT(killed_while_spares_wait),
		UNIT(killed_while_a_child_of_its_runs),
		UNIT(killed_with_a_copy_of_it_left),
		UNIT(a_host_that_executes_another_program),
		UNIT(nobody_wants_to_know),
		UNIT(a_host_that_becomes_a_daemon),
		UNIT(a_copy_is_not_heard),
		UNIT(a_full_process_table),
		UNIT(many_descriptors_on_their_way),
		UNIT(a_limit_of_memory),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
