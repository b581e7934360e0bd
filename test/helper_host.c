/* Hosts that do what programs do: fork and continue in the copy, become a daemon, close all descriptors that they do
 * not know and open files of their own there, ignore SIGCHLD. Each gets its own helper, and no file of the host is
 * touched. */
#include "host.h"
#include "os/fd.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int answer(int n)
{
	return n + 1;
}

static void all_methods(void)
{
	for (int method = 0; method < 3; method++)
		CHECK(host_int((enum beget_method)method, BEGET_CALL(answer, method)) == method + 1);
}

static void fork_and_go_on(void)
{
	pid_t helper = host_helper();

	for (int i = 0; i < 5; i++) {
		pid_t copy = fork();
		if (copy == 0) {
			pid_t own = host_helper();
			CHECK(own != helper);
			all_methods();
			CHECK(host_helper() == own);
			if (fork() == 0) { /* and a copy of the copy */
				CHECK(host_helper() != own && host_helper() != helper);
				_exit(0);
			}
			CHECK(host_end(-1) == 0);
			_exit(0);
		}
		CHECK(host_helper() == helper);
		CHECK(host_end(copy) == 0);
	}
	CHECK(host_helper() == helper);
}

static void a_copy_gets_its_own(void)
{
	run_host(fork_and_go_on);
}

/* The copy must not use the parent's helper, even if the parent has ended before the copy starts anything. */
static void fork_and_leave(void)
{
	pid_t helper = host_helper();
	int pipes[2];
	char c;

	CHECK(pipe(pipes) == 0);
	pid_t middle = fork();
	if (middle == 0) {
		CHECK(host_helper() != helper);
		pid_t own = host_helper();
		if (fork() == 0) { /* as daemon(3) does, twice */
			close(pipes[0]);
			setsid();
			if (chdir("/") < 0)
				_exit(1);
			for (int fd = 0; fd < 3; fd++)
				close(fd);
			CHECK(process_gone(own, 5000)); /* it exited with its client */
			all_methods();
			CHECK(host_helper() != own);
			CHECK(write(pipes[1], "d", 1) == 1);
			_exit(0);
		}
		_exit(0);
	}
	close(pipes[1]);
	CHECK(host_end(middle) == 0);
	CHECK(read(pipes[0], &c, 1) == 1);
	CHECK(host_helper() == helper);
}

static void a_daemon(void)
{
	run_host(fork_and_leave);
}

static atomic_bool stop;

static void *starter(void *unused)
{
	while (!stop)
		CHECK(host_int(BEGET_FORKSERVER, BEGET_CALL(answer, 1)) == 2);
	return unused;
}

/* A fork during other threads' starts: their locks are free in the copy. */
static void fork_among_threads(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, starter, NULL) == 0);
	for (int i = 0, n = often(20); i < n; i++) {
		pid_t copy = fork();
		if (copy == 0) {
			alarm((unsigned)scaled(20));
			CHECK(host_int(BEGET_FORKSERVER, BEGET_CALL(answer, 5)) == 6);
			CHECK(host_int(BEGET_SPAWN, BEGET_CALL(answer, 5)) == 6);
			_exit(0);
		}
		CHECK(host_end(copy) == 0);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void a_copy_made_among_threads(void)
{
	not_under_asan("what its allocator locked for another thread stays locked in the copy");
	run_host(fork_among_threads);
}

enum { OWN = 30 };

/* Opens files of the host at the numbers that were the library's. */
static void open_own(int *fds, struct beget__identity *ids)
{
	for (int i = 0; i < OWN; i += 3) {
		fds[i] = memfd_create("own", MFD_CLOEXEC);
		/* a socket like ours: anything written to it would arrive at its other end */
		CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, &fds[i + 1]) == 0);
	}
	for (int i = 0; i < OWN; i++)
		ids[i] = beget__fd_identity(fds[i]);
	CHECK(fds[0] == 3);
}

static void check_own(const int *fds, const struct beget__identity *ids)
{
	struct stat st;
	char c;

	for (int i = 0; i < OWN; i++)
		CHECK(beget__fd_is(fds[i], &ids[i]));
	for (int i = 0; i < OWN; i += 3) {
		CHECK(fstat(fds[i], &st) == 0 && st.st_size == 0);
		for (int j = 1; j < 3; j++)
			CHECK(recv(fds[i + j], &c, 1, 0) == -1 && errno == EAGAIN);
	}
}

static void close_all_and_open(void)
{
	int fds[OWN];
	struct beget__identity ids[OWN];

	for (int round = 0; round < 3; round++) {
		pid_t helper = host_helper();
		beget__fd_close_range(3, ~0u);
		CHECK(process_gone(helper, 5000)); /* that was its last client */
		open_own(fds, ids);
		for (int i = 0; i < 3; i++) {
			all_methods();
			check_own(fds, ids);
		}
		CHECK(host_helper() != helper);
	}
}

static void a_host_that_closes_all(void)
{
	run_host(close_all_and_open);
}

/* Closes all descriptors between the starts of any two methods, and leaves the numbers free. */
static void close_all(void)
{
	for (int i = 0; i < 12; i++) {
		beget__fd_close_range(3, ~0u);
		CHECK(host_int((enum beget_method)(i % 3), BEGET_CALL(answer, i)) == i + 1);
		CHECK(host_int((enum beget_method)(i / 4), BEGET_CALL(answer, i)) == i + 1);
	}
}

static void a_host_that_closes_again_and_again(void)
{
	run_host(close_all);
}

/* The number of the image is another file: it is never executed in place of the running program. */
static void no_image(void)
{
	struct beget_process *p;

	beget__fd_close_range(3, ~0u);
	for (int i = 0; i < 10; i++) /* one of them gets the number of the image */
		CHECK(open("/bin/true", O_RDONLY | O_CLOEXEC) >= 3);
	all_methods();
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN), BEGET_CALL(answer, 3)) == 0);
	CHECK(beget_join(p, 5000, NULL) == 0);
	beget_free(p);
}

static void another_program_at_the_images_number(void)
{
	run_host(no_image);
}

static void exits_with(int code)
{
	_exit(code);
}

static void suicide(void)
{
	raise(SIGKILL);
}

static bool ends_as(enum beget_method method, const struct beget_call *call, enum beget_outcome outcome, int code)
{
	struct beget_process *p;
	struct beget_status status;

	CHECK(beget_start(&p, BEGET_OPTIONS(.method = method), call) == 0);
	CHECK(beget_join(p, 5000, &status) == 0);
	beget_free(p);
	/* the kernel's record has no times: they come from the helper's report */
	return status.outcome == outcome && status.code == code && (method != BEGET_FORKSERVER || status.peak_kib > 0);
}

/* If SIGCHLD is ignored, children are reaped unseen, but the helper's children are not the host's. */
static void ignore_sigchld(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 20; i++) {
		CHECK(ends_as(BEGET_FORKSERVER, BEGET_CALL(exits_with, 7), BEGET_EXITED, 7));
		CHECK(ends_as(BEGET_FORKSERVER, BEGET_CALL(suicide), BEGET_SIGNALED, SIGKILL));
	}
	CHECK(host_int(BEGET_FORKSERVER, BEGET_CALL(answer, 1)) == 2);
}

static void sigchld_ignored_before_the_launch(void)
{
	run_host(ignore_sigchld);
}

static void sigchld_of_any_disposition(void)
{
	static void (*const dispositions[])(int) = {SIG_DFL, SIG_IGN};
	pid_t helper = 0;

	for (int i = 0; i < 6; i++) {
		signal(SIGCHLD, dispositions[i % 2]);
		CHECK(ends_as(BEGET_FORKSERVER, BEGET_CALL(exits_with, i), BEGET_EXITED, i));
		CHECK(!helper || helper == host_helper()); /* there was no reason to launch another */
		helper = host_helper();
	}
}

static void sigchld_that_changes(void)
{
	run_host(sigchld_of_any_disposition);
}

/* A helper cannot change its session: another one is launched, and the old one serves its children until they end. */
static void lasts(struct beget_fd fd)
{
	char c;

	_exit(read(fd.fd, &c, 1) == 1 ? 5 : 6);
}

static void change_session(void)
{
	struct beget_process *p;
	struct beget_status status;
	int pipes[2];

	CHECK(pipe(pipes) == 0);
	pid_t copy = fork(); /* not a group leader */
	if (copy == 0) {
		pid_t first = host_helper();
		CHECK(beget_start(&p, NULL, BEGET_CALL(lasts, BEGET_FD(pipes[0]))) == 0);
		CHECK(beget_pid(p) > 0);
		CHECK(setsid() == getpid());
		pid_t second = host_helper();
		CHECK(second != first);
		CHECK(getsid(second) == getpid());
		CHECK(write(pipes[1], "g", 1) == 1);
		CHECK(beget_join(p, 5000, &status) == 0);
		CHECK(status.outcome == BEGET_EXITED && status.code == 5);
		beget_free(p);
		CHECK(process_gone(first, 5000));
		CHECK(host_helper() == second);
		_exit(0);
	}
	CHECK(host_end(copy) == 0);
}

static void another_session(void)
{
	run_host(change_session);
}

/* The first child would be the init of a namespace that ends with it: no helper is launched, and nothing is harmed. */
static void children_in_another_pid_namespace(void)
{
	struct beget_process *p;

	if (unshare(CLONE_NEWPID) < 0)
		return; /* not permitted here */
	CHECK(beget_start(&p, NULL, BEGET_CALL(answer, 1)) == -EOPNOTSUPP);
	CHECK(strstr(beget_error(), "pid namespace"));
	CHECK(host_int(BEGET_FORK, BEGET_CALL(answer, 1)) == 2);
}

static void another_pid_namespace(void)
{
	run_host(children_in_another_pid_namespace);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(a_copy_gets_its_own),
		UNIT(a_daemon),
		UNIT(a_copy_made_among_threads),
		UNIT(a_host_that_closes_all),
		UNIT(a_host_that_closes_again_and_again),
		UNIT(another_program_at_the_images_number),
		UNIT(sigchld_ignored_before_the_launch),
		UNIT(sigchld_that_changes),
		UNIT(another_session),
		UNIT(another_pid_namespace),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
