/* BEGET_TIED: the child is killed when its caller ends, in whatever way, and only then. The callers are forked copies
 * of this program. Each of their children holds the end of a pipe, whose other end shows when the last of them has
 * ended. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOON_MS = 2000, WHILE_MS = 60 };

/* Targets: they report that they are running, and stay; but never longer than this test. */

static void live(int fd)
{
	pid_t pid = getpid();

	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (int i = 0; i < 60; i++)
		sleep(1);
	_exit(2);
}

static void lives(struct beget_fd alive)
{
	live(alive.fd);
}

static void becomes_another_program(struct beget_fd alive)
{
	char *argv[] = {"sleep", "60", NULL};
	pid_t pid = getpid();

	if (dup2(alive.fd, STDOUT_FILENO) < 0 || write(alive.fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	execv("/bin/sleep", argv);
	_exit(1);
}

static void closes_all(struct beget_fd alive)
{
	if (dup2(alive.fd, STDIN_FILENO) < 0)
		_exit(1);
	for (int fd = 3; fd < 1000; fd++)
		close(fd);
	live(STDIN_FILENO);
}

/* A caller, and how it ends. */

enum way { IS_KILLED, EXITS, CRASHES, EXECUTES };

struct caller {
	enum beget_method method;
	unsigned flags;
	enum way way;
	bool helper_first, by_thread, frees, siblings;
	void (*target)(struct beget_fd);
	/* The test's side. */
	pid_t pid;
	int alive[2], leash[2];
};

static const struct beget_options *options(const struct caller *c)
{
	static struct beget_options o;

	o = (struct beget_options){.size = sizeof(o), .method = c->method, .flags = c->flags};
	return &o;
}

static void *start_child(void *data)
{
	struct caller *c = data;
	struct beget_process *p;

	if (beget_start(&p, options(c), BEGET_CALL(c->target, BEGET_FD(c->alive[1]))) < 0)
		_exit(1);
	if (c->frees)
		beget_free(p);
	return NULL;
}

/* A copy of the caller that does not use its children, and stays until the test releases it. */
static void fork_sibling(struct caller *c)
{
	char byte;

	if (fork())
		return;
	close(c->alive[1]);
	if (read(c->leash[0], &byte, 1) < 0)
		_exit(1);
	_exit(0);
}

static void nothing(void)
{
}

static _Noreturn void be_caller(struct caller *c)
{
	struct rlimit no_core = {1, RLIM_INFINITY}; /* 1: no core, even if a program receives core dumps */
	char *argv[] = {"sleep", "60", NULL};
	struct beget_process *first = NULL;
	pthread_t thread;
	char byte;

	alarm(60);
	signal(SIGSEGV, SIG_DFL); /* cmocka handles it */
	setrlimit(RLIMIT_CORE, &no_core);
	if (c->helper_first &&
	    (beget_start(&first, NULL, BEGET_CALL(nothing)) < 0 || beget_join(first, 10000, NULL) < 0))
		_exit(1);
	beget_free(first);
	if (c->siblings)
		fork_sibling(c);
	if (c->by_thread) {
		if (pthread_create(&thread, NULL, start_child, c) || pthread_join(thread, NULL))
			_exit(1);
	} else {
		start_child(c);
	}
	if (c->siblings)
		fork_sibling(c);
	close(c->alive[1]);
	if (c->way != IS_KILLED && read(c->leash[0], &byte, 1) != 1) /* wait until the test has seen the child */
		_exit(1);
	switch (c->way) {
	case EXITS: exit(0);
	case EXECUTES: execv("/bin/sleep", argv); break;
	case CRASHES: raise(SIGSEGV); break;
	default: break;
	}
	for (;;)
		pause();
}

static void fork_caller(struct caller *c)
{
	if (!c->target)
		c->target = lives;
	assert_int_equal(pipe2(c->alive, O_CLOEXEC), 0);
	assert_int_equal(pipe2(c->leash, O_CLOEXEC), 0);
	c->pid = fork();
	if (c->pid == 0) {
		close(c->leash[1]);
		be_caller(c);
	}
	close(c->alive[1]);
	close(c->leash[0]);
}

/* The child's pid, once it is running. */
static pid_t child_of(const struct caller *c)
{
	struct pollfd ready = {.fd = c->alive[0], .events = POLLIN};
	pid_t pid = -1;

	if (poll(&ready, 1, 10000) != 1 || read(c->alive[0], &pid, sizeof(pid)) != sizeof(pid))
		fail_msg("the child does not come");
	return pid;
}

static void bury(struct caller *c, int signal)
{
	int status;

	if (signal)
		assert_int_equal(kill(c->pid, signal), 0);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
}

static void let_go(const struct caller *c)
{
	close(c->alive[0]);
	close(c->leash[1]);
}

/* The child stays as long as the caller, and ends soon after it. */
static void expect_tied(struct caller *c, int signal)
{
	fork_caller(c);
	pid_t pid = child_of(c);
	assert_true(pid > 0);
	assert_false(ends(c->alive[0], WHILE_MS));
	if (c->way != IS_KILLED)
		assert_int_equal(write(c->leash[1], "", 1), 1);
	if (c->way != EXECUTES)
		bury(c, signal);
	bool gone = ends(c->alive[0], SOON_MS);
	if (c->way == EXECUTES)
		bury(c, SIGKILL);
	if (!gone) {
		kill(pid, SIGKILL);
		fail_msg("the child lives on without its caller");
	}
	assert_true(process_gone(pid, SOON_MS));
	let_go(c);
}

static void caller_killed(enum beget_method method)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};

	for (int i = 0; i < 3; i++)
		expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED}, signals[i]);
}

static void caller_crashes(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .way = CRASHES}, 0);
}

static void caller_exits(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .way = EXITS}, 0);
}

static void caller_becomes_another_program(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .way = EXECUTES}, 0);
}

static void handle_freed(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .frees = true}, SIGKILL);
}

/* The end of the caller counts, not that of the thread. */
static void thread_that_started_it_ends(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED | BEGET_UNSAFE_FORK, .by_thread = true},
	            SIGKILL);
}

static void copies_of_the_caller_live_on(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .siblings = true}, SIGKILL);
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .siblings = true, .helper_first = true},
	            SIGTERM);
}

static void target_becomes_another_program(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED, .target = becomes_another_program},
	            SIGKILL);
}

/* The target has closed the socket of the tie, but the helper also watches the caller. */
static void target_closes_all_descriptors(enum beget_method method)
{
	for (int i = 0; i < 5; i++) {
		struct caller c = {.method = method, .flags = BEGET_TIED, .target = closes_all};
		expect_tied(&c, SIGKILL);
		c.way = EXITS;
		expect_tied(&c, 0);
		c.way = EXECUTES;
		expect_tied(&c, 0);
	}
}

static void with_all_other_flags(enum beget_method method)
{
	expect_tied(&(struct caller){.method = method,
	                             .flags = BEGET_TIED | BEGET_NEW_SESSION | BEGET_NEW_GROUP | BEGET_CLOSE_FDS |
	                                      BEGET_CRASH_REPORT},
	            SIGKILL);
	expect_tied(&(struct caller){.method = method, .flags = BEGET_TIED | BEGET_SERVER_STATE, .helper_first = true},
	            SIGKILL);
}

static void untied(enum beget_method method)
{
	struct caller c = {.method = method};

	fork_caller(&c);
	pid_t pid = child_of(&c);
	bury(&c, SIGKILL);
	assert_false(ends(c.alive[0], 5 * WHILE_MS));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(ends(c.alive[0], SOON_MS));
	let_go(&c);
}

/* The caller dies at any moment of the start. */
static void caller_dies_during_the_start(enum beget_method method)
{
	for (int i = 0; i < 100; i++) {
		struct caller c = {.method = method, .flags = BEGET_TIED, .helper_first = i % 2};
		struct timespec t = {0, i / 2 * 100000L};
		fork_caller(&c);
		if (i % 2)
			t.tv_nsec += 3000000; /* it launches its helper first */
		nanosleep(&t, NULL);
		bury(&c, SIGKILL);
		char pids[sizeof(pid_t)];
		struct pollfd ready = {.fd = c.alive[0], .events = POLLIN};
		if (poll(&ready, 1, SOON_MS) != 1)
			fail_msg("a child is left after round %d", i);
		if (read(c.alive[0], pids, sizeof(pids)) > 0 && !ends(c.alive[0], SOON_MS))
			fail_msg("a child lives on after round %d", i);
		let_go(&c);
	}
}

/* A child with a tied child is that child's caller: when the top one ends, all of them end in turn. */
static void child_of_a_child(int method, struct beget_fd alive)
{
	struct beget_process *p;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method, .flags = BEGET_TIED),
	                BEGET_CALL(lives, BEGET_FD(alive.fd))) < 0)
		_exit(1);
	close(alive.fd);
	for (;;)
		pause();
}

static void caller_that_is_a_child(enum beget_method method)
{
	for (int inner = 0; inner < 3; inner++) {
		struct caller c = {.method = method};
		assert_int_equal(pipe2(c.alive, O_CLOEXEC), 0);
		struct beget_process *p = start(method, BEGET_CALL(child_of_a_child, inner, BEGET_FD(c.alive[1])));
		close(c.alive[1]);
		pid_t pid = child_of(&c);
		assert_false(ends(c.alive[0], WHILE_MS));
		assert_int_equal(beget_kill(p, SIGKILL), 0);
		expect_end(p, BEGET_SIGNALED, SIGKILL);
		if (!ends(c.alive[0], SOON_MS)) {
			kill(pid, SIGKILL);
			fail_msg("the child of method %d lives on", inner);
		}
		close(c.alive[0]);
	}
}

/* Apart from the tie, it is a child like any other. */

static int seven(void)
{
	return 7;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static void ends_before_its_caller(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .flags = BEGET_TIED);
	struct beget_process *p[20];
	int value;

	for (int i = 0; i < 20; i++)
		p[i] = start_with(o, BEGET_CALL(seven));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(beget_join(p[i], 10000, NULL), 0);
		assert_int_equal(beget_result(p[i], &value), 0);
		assert_int_equal(value, 7);
		beget_free(p[i]);
	}
	p[0] = start_with(o, BEGET_CALL(sleeper));
	assert_int_equal(beget_join(p[0], WHILE_MS, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p[0], SIGTERM), 0);
	expect_end(p[0], BEGET_SIGNALED, SIGTERM);
}

/* What a freed handle kept for its tie is closed after the child's end, by a later call. */
static void freed_and_ended(enum beget_method method)
{
	int before = count_descriptors();

	for (int i = 0; i < 5; i++) {
		struct beget_process *p =
			start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED), BEGET_CALL(sleeper));
		pid_t pid = beget_pid(p);
		beget_free(p);
		assert_false(process_gone(pid, WHILE_MS / 3));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_true(process_gone(pid, SOON_MS));
	}
	for (int64_t end = now_ms() + SOON_MS; count_descriptors() > before && now_ms() < end; sleep_ms(10))
		int_result(method, BEGET_CALL(seven));
	assert_int_equal(count_descriptors(), before);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(caller_killed),
		BEHAVIOUR(caller_crashes),
		BEHAVIOUR(caller_exits),
		BEHAVIOUR(caller_becomes_another_program),
		BEHAVIOUR(handle_freed),
		BEHAVIOUR(thread_that_started_it_ends),
		BEHAVIOUR(copies_of_the_caller_live_on),
		BEHAVIOUR(target_becomes_another_program),
		BEHAVIOUR_OF(target_closes_all_descriptors, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(with_all_other_flags),
		BEHAVIOUR(untied),
		BEHAVIOUR(caller_dies_during_the_start),
		BEHAVIOUR(caller_that_is_a_child),
		BEHAVIOUR(ends_before_its_caller),
		BEHAVIOUR(freed_and_ended),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
