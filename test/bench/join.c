/* What waiting costs: n children wait for a signal to end. When all have ended, unnoticed by the library, they are
 * joined. Or they are killed one by one while the others live. Also measures how many descriptors each child costs its
 * caller. The time is that of the joins only, per child. Usage: join [-r ROUNDS] N... */
#include "ways.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 5000, FDS_EACH = 2, FDS_OTHER = 64, SETTLE_US = 20000, MANY = 1000 };

static struct beget_process *processes[MOST];
static pid_t pids[MOST];
static int word[2];  /* its end of file makes the children end */
static int alive[2]; /* its end of file shows that they have ended */

static int wait_for_word(struct beget_fd fd, struct beget_fd held)
{
	char c;

	(void)held;
	return (int)read(fd.fd, &c, 1);
}

static int wait_for_word_forked(void)
{
	char c;

	close(word[1]);
	return (int)read(word[0], &c, 1);
}

static int descriptors(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void make_word(void)
{
	if (pipe(word) < 0 || pipe(alive) < 0)
		bench_die("cannot make a pipe", strerror(errno));
}

/* Waits until all have ended: a child closes its files slightly before that. */
static void say_word(void)
{
	char c;

	close(word[0]);
	close(word[1]);
	close(alive[1]);
	while (read(alive[0], &c, 1) < 0 && errno == EINTR)
		;
	close(alive[0]);
	usleep(SETTLE_US);
}

/* Ways to join n handles. */

static void one_after_the_other(int n)
{
	for (int i = 0; i < n; i++)
		bench_join(processes[i]);
}

static void whichever_ends(int n)
{
	struct beget_process *left[MOST];

	memcpy(left, processes, (size_t)n * sizeof(*left));
	for (int i = 0; i < n; i++) {
		int ended = beget_wait(left, (size_t)n, BEGET_FOREVER);
		if (ended < 0)
			bench_die("beget_wait", beget_error());
		left[ended] = NULL;
	}
}

static void by_epoll(int n)
{
	struct epoll_event events[64];
	int loop = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < n; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = processes[i]};
		if (epoll_ctl(loop, EPOLL_CTL_ADD, beget_sentinel(processes[i]), &event) < 0)
			bench_die("epoll_ctl", strerror(errno));
	}
	for (int done = 0; done < n;) {
		int ready = epoll_wait(loop, events, 64, -1);
		for (int i = 0; i < ready; i++) {
			struct beget_process *process = events[i].data.ptr;
			epoll_ctl(loop, EPOLL_CTL_DEL, beget_sentinel(process), NULL);
			bench_join(process);
		}
		done += ready;
	}
	close(loop);
}

static void by_a_set(int n)
{
	struct beget_process *process;
	struct beget_set *set;

	if (beget_set_open(&set) < 0)
		bench_die("beget_set_open", beget_error());
	for (int i = 0; i < n; i++)
		if (beget_set_add(set, processes[i], NULL) < 0)
			bench_die("beget_set_add", beget_error());
	while (beget_set_next(set, 0, &process, NULL) == 0)
		bench_join(process);
	beget_set_free(set);
}

static void row(const char *way, const char *figure, int n, int64_t ns)
{
	bench_row("join", way, n, figure, "us", (double)ns / 1e3 / n);
}

static void beget_children(const char *name, const char *figure, void (*join)(int n), int n)
{
	const struct way *way = bench_way(name);

	make_word();
	int before = descriptors();
	for (int i = 0; i < n; i++)
		processes[i] = way->method == BEGET_FORK
		                       ? bench_start(BEGET_FORK, 0, BEGET_CALL(wait_for_word_forked))
		                       : bench_start((enum beget_method)way->method, 0,
		                                     BEGET_CALL(wait_for_word, BEGET_FD(word[0]), BEGET_FD(alive[1])));
	int after = descriptors();
	say_word();
	int64_t begin = bench_now();
	join(n);
	row(name, figure, n, bench_now() - begin);
	bench_row("join", name, n, "descriptors", "each", (double)(after - before) / n);
	for (int i = 0; i < n; i++)
		beget_free(processes[i]);
}

/* All live, and one after the other is killed. The time is that of killing and waiting, per end. */
static void ends_among_many(int n, bool in_set)
{
	enum { ENDS = 20 };
	struct beget_set *set = NULL;

	if (in_set && beget_set_open(&set) < 0)
		bench_die("beget_set_open", beget_error());
	make_word();
	for (int i = 0; i < n; i++) {
		processes[i] = bench_start(BEGET_FORKSERVER, 0,
		                           BEGET_CALL(wait_for_word, BEGET_FD(word[0]), BEGET_FD(alive[1])));
		if (in_set && beget_set_add(set, processes[i], NULL) < 0)
			bench_die("beget_set_add", beget_error());
	}
	int64_t begin = bench_now();
	for (int i = 0; i < ENDS; i++) {
		struct beget_process *ended = processes[i * (n / ENDS)];
		beget_kill(ended, SIGKILL);
		if ((in_set ? beget_set_next(set, BEGET_FOREVER, &ended, NULL)
		            : beget_wait(processes, (size_t)n, BEGET_FOREVER)) < 0 ||
		    beget_join(ended, 0, NULL) < 0)
			bench_die("an end among many", beget_error());
		beget_free(ended);
		processes[i * (n / ENDS)] = NULL;
	}
	int64_t end = bench_now();
	bench_row("join", in_set ? "set" : "beget_wait", n, "an end among many", "us",
	          (double)(end - begin) / 1e3 / ENDS);
	say_word();
	for (int i = 0; i < n; i++) {
		if (processes[i])
			bench_join(processes[i]);
		beget_free(processes[i]);
	}
	beget_set_free(set);
}

static void bare_children(int n)
{
	make_word();
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			bench_die("fork", strerror(errno));
		if (pids[i] == 0)
			_exit(wait_for_word_forked());
	}
	say_word();
	int64_t begin = bench_now();
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	row("bare fork", "one by one", n, bench_now() - begin);
}

static void one_round(int n)
{
	bare_children(n);
	beget_children("beget forkserver", "one by one", one_after_the_other, n);
	beget_children("beget forkserver", "epoll", by_epoll, n);
	beget_children("beget forkserver", "set", by_a_set, n);
	beget_children("beget forkserver", "beget_wait", whichever_ends, n);
	if (n >= 100) {
		ends_among_many(n, false);
		ends_among_many(n, true);
	}
	if (n > MANY)
		return;
	beget_children("beget spawn", "one by one", one_after_the_other, n);
	beget_children("beget fork", "one by one", one_after_the_other, n);
}

static bool possible(int n)
{
	struct rlimit fds, tasks;

	getrlimit(RLIMIT_NOFILE, &fds);
	fds.rlim_cur = fds.rlim_max;
	setrlimit(RLIMIT_NOFILE, &fds);
	getrlimit(RLIMIT_NPROC, &tasks);
	if (n > 0 && n <= MOST && fds.rlim_cur > (rlim_t)n * FDS_EACH + FDS_OTHER && tasks.rlim_cur > (rlim_t)n)
		return true;
	fprintf(stderr, "skipped: %d children are more than this process may have\n", n);
	return false;
}

int main(int argc, char **argv)
{
	int option, rounds = 5;

	beget_init(argc, argv);
	while ((option = getopt(argc, argv, "r:")) != -1)
		if (option != 'r' || (rounds = atoi(optarg)) < 1)
			bench_die("join", "see the top of join.c");
	for (int round = 0; round < rounds; round++)
		for (int i = optind; i < argc; i++) {
			int n = atoi(argv[i]);
			bench_progress("joining %d children: round %d of %d", n, round + 1, rounds);
			if (round == 0 && !possible(n))
				argv[i] = "0";
			else if (n > 0)
				one_round(n);
		}
	return 0;
}
