/* A child with a tree: nothing that it started outlives it, however it ends and however far the processes have gone.
 * Each process of a tree holds the write end of a pipe: at the end of the file, all of them have ended. */
#include "harness.h"
#include "host.h"
#include "pools.h"

#include <fcntl.h>
#include <stdlib.h>

/* What a target does once its daemon is running. */
enum way { RETURNS, EXITS, IS_SIGNALED, PAUSES, EXECUTES, ENDS_ON_TERM };

static void end_on_term(int signal)
{
	(void)signal;
	_exit(15);
}

/* Becomes a process in its own session whose parent has ended, and blocks all signals. */
static void daemonize(void)
{
	sigset_t all;
	pid_t pid = fork();

	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		sleep(20);
}

static int has_a_daemon(struct beget_fd out, int way)
{
	fcntl(out.fd, F_SETFD, 0); /* across exec */
	if (way == ENDS_ON_TERM)
		signal(SIGTERM, end_on_term);
	daemonize();
	if (write(out.fd, "x", 1) != 1)
		_exit(99);
	switch (way) {
	case RETURNS: return 5;
	case EXITS: exit(7);
	case IS_SIGNALED: kill(getpid(), SIGUSR1); break;
	case EXECUTES: execl("/bin/sleep", "sleep", "20", NULL); break;
	default: break;
	}
	for (;;)
		pause();
}

/* Starts a tree, and returns when its daemon is running. */
static struct beget_process *start_tree(const struct beget_options *o, int way, int *end)
{
	int fds[2];
	char x;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct beget_process *p = start_with(o, BEGET_CALL(has_a_daemon, (struct beget_fd){fds[1]}, way));
	close(fds[1]);
	assert_int_equal(read(fds[0], &x, 1), 1);
	*end = fds[0];
	return p;
}

static void expect_gone(int end)
{
	assert_true(ends(end, 10000));
	close(end);
}

static void the_child_ends(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .flags = BEGET_TREE);
	int end, value;

	struct beget_process *p = start_tree(o, RETURNS, &end);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	expect_gone(end);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 5);
	expect_exit(p, 0);
	expect_exit(start_tree(o, EXITS, &end), 7);
	expect_gone(end);
	expect_end(start_tree(o, IS_SIGNALED, &end), BEGET_SIGNALED, SIGUSR1);
	expect_gone(end);
}

static void killed(enum beget_method method)
{
	for (int way = PAUSES; way <= EXECUTES; way++) {
		int end;
		struct beget_process *p = start_tree(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE), way, &end);
		assert_int_equal(beget_kill(p, SIGKILL), 0);
		expect_end(p, BEGET_SIGNALED, SIGKILL);
		expect_gone(end);
	}
}

static void other_signals(enum beget_method method)
{
	int end;
	struct beget_process *p = start_tree(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE), ENDS_ON_TERM, &end);

	assert_int_equal(beget_kill(p, SIGTERM), 0);
	expect_exit(p, 15);
	expect_gone(end);
}

static void limit_runs_out(enum beget_method method)
{
	for (int way = PAUSES; way <= EXECUTES; way++) {
		int end;
		struct beget_process *p = start_tree(
			BEGET_OPTIONS(.method = method, .flags = BEGET_TREE, .limit_ms = scaled(400)), way, &end);
		expect_end(p, BEGET_TIMED_OUT, SIGKILL);
		expect_gone(end);
	}
}

/* A caller that ends; closes: the child has disarmed its tie and closed everything. */

static enum beget_method by;
static int channel[2];
static bool closes;

static int closes_and_has_a_daemon(struct beget_fd out, bool all)
{
	for (int fd = 3; fd < 200 && all; fd++)
		if (fd != out.fd) {
			fcntl(fd, F_SETOWN, 0);
			close(fd);
		}
	return has_a_daemon(out, PAUSES);
}

static void start_and_wait(void)
{
	struct beget_process *p;

	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, .flags = BEGET_TREE | BEGET_TIED),
	                  BEGET_CALL(closes_and_has_a_daemon, (struct beget_fd){channel[1]}, closes)) == 0);
	close(channel[1]);
	for (;;)
		pause();
}

static void caller_ends(enum beget_method method)
{
	by = method;
	for (int i = 0; i < 2; i++) {
		char x;
		closes = i;
		assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
		pid_t host = host_start(start_and_wait);
		close(channel[1]);
		assert_int_equal(read(channel[0], &x, 1), 1);
		kill(host, SIGKILL);
		host_end(host);
		expect_gone(channel[0]);
	}
}

/* A start by the child, whose own helper is in the tree. */
static int starts_a_child(struct beget_fd out, int method)
{
	struct beget_process *p;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(has_a_daemon, out, PAUSES)) <
	    0)
		return -1;
	return beget_pid(p) > 0 ? 0 : -1;
}

static void nested(enum beget_method method)
{
	for (int inner = BEGET_FORKSERVER; inner <= BEGET_FORK; inner++) {
		int fds[2];
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE),
		                                     BEGET_CALL(starts_a_child, (struct beget_fd){fds[1]}, inner));
		int value = -1;
		close(fds[1]);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, 0);
		beget_free(p);
		assert_true(ends(fds[0], 10000) || ends(fds[0], 10000)); /* it may have written a byte */
		close(fds[0]);
	}
}

/* A process that replaces itself all the time. */
static int hops(struct beget_fd out)
{
	(void)out;
	pid_t pid = fork();
	while (pid == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
	}
	return 5;
}

static void never_the_same(enum beget_method method)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE),
	                                     BEGET_CALL(hops, (struct beget_fd){fds[1]}));
	close(fds[1]);
	expect_exit(p, 0);
	expect_gone(fds[0]);
}

static int bears_many(struct beget_fd out, int n)
{
	for (int i = 0; i < n; i++)
		daemonize();
	return out.fd > 0;
}

/* More processes than are listed at once. */
static void many(enum beget_method method)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE),
	                                     BEGET_CALL(bears_many, (struct beget_fd){fds[1]}, often(200)));
	close(fds[1]);
	assert_int_equal(beget_join(p, 20000, NULL), 0);
	expect_gone(fds[0]);
	beget_free(p);
}

static int parent(void)
{
	return getppid();
}

/* The fate of the daemon is unknown then, but the child ends with its monitor, and no status is invented. */
static void the_monitor_is_killed(enum beget_method method)
{
	struct beget_status status;
	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TREE), BEGET_CALL(pause));

	pid_t pid = beget_pid(p);
	pid_t monitor = (pid_t)proc_number(pid, "PPid");
	assert_true(monitor > 1 && monitor != getpid());
	assert_int_equal(kill(monitor, SIGKILL), 0);
	assert_int_equal(beget_join(p, 10000, &status), 0);
	assert_true(status.outcome == BEGET_LOST || (status.outcome == BEGET_SIGNALED && status.code == SIGKILL));
	beget_free(p);
	assert_true(process_gone(pid, 5000));
	assert_int_equal(int_result(method, BEGET_CALL(parent)) > 0, 1);
}

/* Together with other options. */

static int all(struct beget_bytes bytes, struct beget_buffer *buffer, struct beget_fd fd)
{
	((char *)beget_buffer_data(buffer))[0] = (char)bytes.size;
	printf("%s", (const char *)bytes.data);
	return getpgrp() == getpid() && getsid(0) == getpid() && write(fd.fd, "f", 1) == 1 && beget_caller_pid() > 0 &&
	       beget_start_method() == (int)by;
}

static void with_all_else(enum beget_method method)
{
	struct beget_buffer *buffer;
	int end, fds[2], value = 0;
	char text[8] = "";
	struct beget_process *p;

	by = method;
	assert_int_equal(beget_buffer_create(&buffer, 10), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p = start_with(BEGET_OPTIONS(.method = method,
	                             .flags = BEGET_TREE | BEGET_TIED | BEGET_NEW_SESSION | BEGET_CRASH_REPORT |
	                                      BEGET_CLOSE_FDS | BEGET_NO_NEW_PRIVS,
	                             .name = "all", .limit_ms = 20000, .timeout_ms = 10000,
	                             .out = BEGET_STREAM_PIPE(&end)),
	               BEGET_CALL(all, ((struct beget_bytes){"abc", 4}), buffer, (struct beget_fd){fds[1]}));
	close(fds[1]);
	assert_int_equal(read(end, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	expect_gone(end);
	assert_int_equal(read(fds[0], text, sizeof(text)), 1);
	expect_gone(fds[0]);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	if (method == BEGET_FORK) { /* by is set there */
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, 1);
	}
	assert_int_equal(*(char *)beget_buffer_data(buffer), 4);
	beget_buffer_free(buffer);
	beget_free(p);
}

static int bears_one(struct beget_fd out)
{
	daemonize();
	return out.fd > 0;
}

static void of_workers(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .flags = BEGET_TREE);
	struct beget_pool *pool = open_pool(BEGET_POOL_OPTIONS(.workers = 2, .start = o));
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(bears_one, (struct beget_fd){fds[1]}))), 1);
	close(fds[1]);
	assert_false(ends(fds[0], 0));
	beget_pool_free(pool);
	expect_gone(fds[0]);
}

/* Whatever ends a worker, its tasks' processes end with it. */
static void of_tasks(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .flags = BEGET_TREE);
	struct beget_pool *pool = open_pool(BEGET_POOL_OPTIONS(.workers = 1, .limit_ms = scaled(500), .start = o));
	static const struct {
		enum way way;
		enum beget_outcome outcome;
		int code;
	} ends_of[] = {
		{PAUSES, BEGET_TIMED_OUT, SIGKILL}, {IS_SIGNALED, BEGET_SIGNALED, SIGUSR1}, {EXITS, BEGET_EXITED, 7}};

	for (size_t i = 0; i < sizeof(ends_of) / sizeof(*ends_of); i++) {
		int fds[2];
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		struct beget_task *task =
			submit(pool, BEGET_CALL(has_a_daemon, (struct beget_fd){fds[1]}, (int)ends_of[i].way));
		close(fds[1]);
		expect_task(task, ends_of[i].outcome, ends_of[i].code);
		char x;
		assert_int_equal(read(fds[0], &x, 1), 1);
		expect_gone(fds[0]);
	}
	beget_pool_free(pool);
}

static void from_a_server(enum beget_method method)
{
	struct beget_server *s;
	int end;

	assert_int_equal(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 1, .spawn_spares = 1)), 0);
	expect_exit(start_tree(BEGET_OPTIONS(.method = method, .server = s, .flags = BEGET_TREE), EXITS, &end), 7);
	expect_gone(end);
	beget_server_close(s);
}

/* The monitor runs inside what the launcher has set up. */
static void through_a_launcher(enum beget_method method)
{
	int end;

	if (system("setpriv --no-new-privs true >/dev/null 2>&1") != 0)
		skip();
	const struct beget_options *o =
		BEGET_OPTIONS(.method = method, .flags = BEGET_TREE, .limit_ms = 20000,
	                      .launcher = (const char *const[]){"setpriv", "--no-new-privs", NULL});
	expect_exit(start_tree(o, EXITS, &end), 7);
	expect_gone(end);
	struct beget_process *p = start_tree(o, PAUSES, &end);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	expect_gone(end);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(the_child_ends),
		BEHAVIOUR(killed),
		BEHAVIOUR(other_signals),
		BEHAVIOUR(limit_runs_out),
		BEHAVIOUR(caller_ends),
		BEHAVIOUR(nested),
		BEHAVIOUR(never_the_same),
		BEHAVIOUR(many),
		BEHAVIOUR(the_monitor_is_killed),
		BEHAVIOUR(with_all_else),
		BEHAVIOUR(of_workers),
		BEHAVIOUR(of_tasks),
		BEHAVIOUR_OF(through_a_launcher, BY(BEGET_SPAWN)),
		BEHAVIOUR_OF(from_a_server, BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
