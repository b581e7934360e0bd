/* Simultaneous children: none has a descriptor of another's start, whichever threads start them, and the helper's table
 * does not grow. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The number of descriptors beyond the standard streams. */
static int others(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int others_on_signal(struct beget_fd in)
{
	char byte;

	return read(in.fd, &byte, 1) < 0 ? -1 : others();
}

/* All are running at once, and each start opens everything that it can. */
static void as_many_for_each(enum beget_method method)
{
	struct beget_process *p[30];
	int go[2], ends_[30][2], value;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	for (int i = 0; i < 30; i++)
		p[i] = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED | BEGET_CLOSE_FDS, .cwd = "/",
		                                .in = BEGET_STREAM_PIPE(&ends_[i][0]),
		                                .out = BEGET_STREAM_PIPE(&ends_[i][1]), .err = BEGET_STREAM_NULL),
		                  BEGET_CALL(others_on_signal, BEGET_FD(go[0])));
	close(go[1]);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(beget_join(p[i], 10000, NULL), 0);
		assert_int_equal(beget_result(p[i], &value), 0);
		assert_in_range(value, 2, 4); /* the passed one, the channel, the tie and the helper's socket */
		assert_int_equal(value, method == BEGET_FORK ? value : 4);
		beget_free(p[i]);
		close(ends_[i][0]);
		close(ends_[i][1]);
	}
	close(go[0]);
}

/* The helper. */

static int count_descriptors_of(pid_t pid)
{
	char path[40];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int nothing(void)
{
	return 0;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static void expect_descriptors_of(pid_t pid, int n)
{
	for (int64_t end = now_ms() + 2000; count_descriptors_of(pid) > n && now_ms() < end;)
		sleep_ms(5);
	assert_int_equal(count_descriptors_of(pid), n);
}

static void table_of_the_helper(enum beget_method method)
{
	struct beget_process *p[100];
	pid_t helper = helper_pid();
	int in, out;

	sleep_ms(20); /* it reaps the last one */
	int before = count_descriptors_of(helper);
	for (int i = 0, n = often(400); i < n; i++)
		int_result(method, BEGET_CALL(nothing));
	expect_descriptors_of(helper, before);
	for (int i = 0; i < 100; i++) {
		p[i] = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED, .cwd = "/",
		                                .in = BEGET_STREAM_PIPE(&in), .out = BEGET_STREAM_PIPE(&out)),
		                  BEGET_CALL(sleeper));
		close(in);
		close(out);
	}
	assert_true(beget_pid(p[99]) > 0);
	assert_in_range(count_descriptors_of(helper), before, before + 100); /* at most one for each running child */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(beget_kill(p[i], SIGKILL), 0);
		expect_end(p[i], BEGET_SIGNALED, SIGKILL);
	}
	expect_descriptors_of(helper, before);
	assert_int_equal(helper_pid(), helper);
}

/* Threads start with pipes at the same time. If a child had a copy of another start's end, that pipe would stay open,
 * because each round leaves one more child running. */

enum { THREADS = 4, ROUNDS = 10 };

struct work {
	enum beget_method method;
	unsigned flags;
	bool feed; /* else only the output is a pipe */
	atomic_int failures;
	struct beget_process *stay[THREADS][ROUNDS];
	atomic_int thread;
};

static int answers(bool fed)
{
	char byte = 'a';

	while (fed && read(STDIN_FILENO, &byte, 1) == 1)
		;
	byte = (char)(byte - 'a' + 'A');
	return write(STDOUT_FILENO, &byte, 1) == 1 ? others() : -1;
}

/* Returns 0 if everything worked. */
static int one_round(struct work *w)
{
	struct beget_process *p;
	struct pollfd ready = {.events = POLLIN};
	int in = -1, out = -1, count = -1;
	char byte;
	struct beget_options o = {.size = sizeof(o), .method = w->method, .flags = w->flags};

	if (w->feed)
		o.in = BEGET_STREAM_PIPE(&in);
	o.out = BEGET_STREAM_PIPE(&out);
	if (beget_start(&p, &o, BEGET_CALL(answers, w->feed)) < 0)
		return 1;
	int bad = w->feed && write(in, "b", 1) != 1 ? 2 : 0;
	if (w->feed)
		close(in);
	ready.fd = out;
	if (poll(&ready, 1, scaled(10000)) != 1 || read(out, &byte, 1) != 1 || byte != (w->feed ? 'B' : 'A'))
		bad |= 4;
	if (!ends(out, scaled(10000)))
		bad |= 8;
	close(out);
	if (beget_join(p, scaled(10000), NULL) < 0 || beget_result(p, &count) < 0)
		bad |= 16;
	if ((w->method != BEGET_FORK || w->flags & BEGET_CLOSE_FDS) && count > 2)
		bad |= 32;
	if (bad & 16)
		beget_kill(p, SIGKILL);
	beget_free(p);
	return bad;
}

static void *work(void *data)
{
	struct work *w = data;
	int me = w->thread++;

	for (int i = 0, n = often(ROUNDS); i < n; i++) {
		if (beget_start(&w->stay[me][i], BEGET_OPTIONS(.method = w->method, .flags = w->flags),
		                BEGET_CALL(sleeper)) < 0)
			w->stay[me][i] = NULL;
		w->failures |= w->stay[me][i] ? one_round(w) : 64;
	}
	return NULL;
}

static void start_by_threads(enum beget_method method, unsigned flags, bool feed)
{
	struct work w = {.method = method, .flags = flags | BEGET_UNSAFE_FORK, .feed = feed};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &w), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS * ROUNDS; i++)
		if (w.stay[i / ROUNDS][i % ROUNDS]) {
			assert_int_equal(beget_kill(w.stay[i / ROUNDS][i % ROUNDS], SIGKILL), 0);
			expect_end(w.stay[i / ROUNDS][i % ROUNDS], BEGET_SIGNALED, SIGKILL);
		}
	assert_int_equal(w.failures, 0);
}

static void pipes_of_many_threads(enum beget_method method)
{
	start_by_threads(method, 0, method != BEGET_FORK);
	start_by_threads(method, BEGET_CLOSE_FDS, true);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(as_many_for_each),
		BEHAVIOUR_OF(table_of_the_helper, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(pipes_of_many_threads),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
