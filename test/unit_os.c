/* The lowest layer: descriptors are close-on-exec and never 0 to 2, whatever the host has closed; no call raises a
 * signal; and each fallback for an older kernel has the same effect as the call. */
#include "fault.h"
#include "harness.h"
#include "host.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int saved[3];

/* A host without standard streams. */
static void close_stdio(void)
{
	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
		close(i);
	}
}

static void restore_stdio(void)
{
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
}

/* All functions that open descriptors; at most 8 of them. */
static int gather(int *fds)
{
	int n = 0;

	if (beget__sock_pair(fds) == 0)
		n = 2;
	fds[n++] = beget__fd_open("/dev/null", O_RDWR);
	fds[n++] = beget__fd_dup(fds[0]);
	fds[n++] = beget__file_create(10);
	fds[n++] = beget__proc_pidfd_open(getpid());
	fault_every(" memfd_create ", ENOSYS);
	fds[n++] = beget__file_create(10);
	fault_off();
	return n;
}

static void never_the_standard_streams(void)
{
	int fds[8], flags[8], low = 0;

	not_under_valgrind("it needs the standard streams itself");
	close_stdio();
	int n = gather(fds);
	for (int i = 0; i < n; i++) {
		flags[i] = fcntl(fds[i], F_GETFD);
		low += fds[i] < 3;
		beget__fd_close(&fds[i]);
	}
	for (int i = 0; i < 3; i++)
		low += fcntl(i, F_GETFD) >= 0; /* nothing is left at these numbers */
	restore_stdio();
	assert_int_equal(n, 7);
	assert_int_equal(low, 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(flags[i], FD_CLOEXEC);
}

/* Only numbers below 3 are free: that is not enough, and a descriptor that cannot be moved up is closed. */
static void no_room_above_the_standard_streams(void)
{
	struct rlimit before, now;
	int pair[2] = {-7, -7}, opened, dup_, file, pidfd, left = 0;

	close_stdio();
	getrlimit(RLIMIT_NOFILE, &before);
	now = before;
	now.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &now);
	int error = beget__sock_pair(pair);
	opened = beget__fd_open("/dev/null", O_RDWR);
	dup_ = beget__fd_dup(saved[0]);
	file = beget__file_create(10);
	pidfd = beget__proc_pidfd_open(getpid());
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 3; i++)
		left += fcntl(i, F_GETFD) >= 0;
	restore_stdio();
	assert_int_equal(left, 0);
	assert_true(error < 0);
	assert_int_equal(pair[0], -7);
	assert_true(opened < 0 && dup_ < 0 && file < 0 && pidfd < 0);
}

static void closing(void)
{
	int none = -1, fd = beget__fd_open("/dev/null", O_RDONLY), copy = fd;

	beget__fd_close(&none);
	assert_int_equal(none, -1);
	beget__fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
}

static void identity(void)
{
	int a = beget__fd_open("/dev/null", O_RDONLY), b = beget__fd_dup(a), pair[2];
	assert_int_equal(beget__sock_pair(pair), 0);
	struct beget__identity of_a = beget__fd_identity(a), of_pair = beget__fd_identity(pair[0]),
			       none = beget__fd_identity(-1);

	assert_true(beget__fd_is(b, &of_a));
	assert_false(beget__fd_is(pair[0], &of_a));
	assert_false(beget__fd_is(pair[1], &of_pair));
	assert_false(beget__fd_is(-1, &of_a));
	assert_false(beget__fd_is(-1, &none)); /* the absent descriptor equals nothing, not even itself */
	assert_false(beget__fd_is(a, &none));
	int number = pair[0];
	beget__fd_close(&pair[0]);
	assert_int_equal(dup2(a, number), number); /* another file at the number */
	assert_false(beget__fd_is(number, &of_pair));
	close(number);
	beget__fd_close(&pair[1]);
	beget__fd_close(&a);
	beget__fd_close(&b);
}

/* 400 descriptors: more than one read of /proc/self/fd returns. */
static void closes_a_range(void)
{
	enum { LOW = 600, HIGH = 999, FROM = 610, TO = 980 };

	for (int fd = LOW; fd <= HIGH; fd++)
		assert_int_equal(dup3(0, fd, O_CLOEXEC), fd);
	beget__fd_close_range(FROM, TO);
	int wrong = 0;
	for (int fd = LOW; fd <= HIGH; fd++)
		wrong += (fcntl(fd, F_GETFD) >= 0) != (fd < FROM || fd > TO);
	beget__fd_close_range(LOW, HIGH);
	assert_int_equal(wrong, 0);
	beget__fd_close_range(50, 40);
	assert_true(fcntl(0, F_GETFD) >= 0);
}

static void closes_a_range_without_the_call(void)
{
	static const int ways[] = {ENOSYS, EPERM, EINVAL};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		fault_every(" close_range ", ways[i]);
		closes_a_range();
		assert_int_equal(fault_off(), 2);
	}
}

static void closes_all_above_without_the_call(void)
{
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(0, F_DUPFD_CLOEXEC, 600 + 100 * i);
	fault_every(" close_range ", ENOSYS);
	beget__fd_close_range(600, ~0u);
	fault_off();
	for (int i = 0; i < 3; i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), -1);
}

static void files(void)
{
	struct iovec iov[40];
	char text[40 * 3 + 1], *map;
	int fd = beget__file_create(120);

	for (int i = 0; i < 40; i++) {
		memcpy(text + 3 * i, "abc", 4);
		iov[i] = (struct iovec){text + 3 * i, i == 20 ? 0 : 3};
	}
	assert_int_equal(beget__file_write(fd, iov, 40), 0);
	beget__file_seal(fd);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(beget__file_map(fd, 117, (void **)&map), 0);
	assert_memory_equal(map, text, 117);
	map[0] = 'X'; /* private memory */
	char first;
	assert_int_equal(pread(fd, &first, 1, 0), 1);
	assert_int_equal(first, 'a');
	beget__file_unmap(map, 117);
	beget__file_unmap(NULL, 0);
	/* An access past its end would raise SIGBUS. */
	assert_int_equal(beget__file_map(fd, 118, (void **)&map), -EINVAL);
	beget__fd_close(&fd);
}

/* The limit on file sizes also applies to memory files, and exceeding it would raise SIGXFSZ. */
static void file_size_limit(void)
{
	struct rlimit before, now;

	getrlimit(RLIMIT_FSIZE, &before);
	now = before;
	now.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	int larger = beget__file_create(1001), fits = beget__file_create(1000);
	int wrote = beget__file_write(fits, &(struct iovec){(char[1000]){0}, 1000}, 1);
	setrlimit(RLIMIT_FSIZE, &before);
	beget__fd_close(&fits);
	assert_int_equal(larger, -EFBIG);
	assert_int_equal(wrote, 0);
}

/* A pipe accepts fewer bytes at once than given: the rest follows. */
static void *drink(void *pipe_)
{
	static char all[1 << 20];
	size_t n = 0;

	for (ssize_t got; n < sizeof(all) && (got = read(*(int *)pipe_, all + n, sizeof(all) - n)) > 0;)
		n += (size_t)got;
	for (size_t i = 0; i < n; i++)
		if (all[i] != (char)(i / 50000))
			return NULL;
	return n == sizeof(all) ? pipe_ : NULL;
}

static void *write_by_bits(void *pipe_)
{
	char *bytes = malloc(1 << 20);
	struct iovec iov[21];

	for (int i = 0; i < 21; i++) {
		iov[i] = (struct iovec){bytes + i * 50000, i < 20 ? 50000 : (1 << 20) - 1000000};
		memset(iov[i].iov_base, i, iov[i].iov_len);
	}
	int error = beget__file_write(*(int *)pipe_, iov, 21);
	free(bytes);
	return error ? NULL : pipe_;
}

static void partial_writes(void)
{
	pthread_t reader;
	void *good;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&reader, NULL, drink, &pipes[0]), 0);
	void *wrote = write_by_bits(&pipes[1]);
	close(pipes[1]);
	pthread_join(reader, &good);
	close(pipes[0]);
	assert_true(wrote && good);
}

static void no_sigpipe(void)
{
	int pair[2];
	struct iovec iov = {"a", 1};

	assert_int_equal(beget__sock_pair(pair), 0);
	beget__fd_close(&pair[1]);
	assert_int_equal(beget__sock_send(pair[0], &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, 0), -EPIPE);
	assert_int_equal(beget__sock_receive(pair[0], &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, 0), 0);
	beget__fd_close(&pair[0]);
}

static volatile sig_atomic_t caught;

static void catch (int signal)
{
	caught = signal;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = catch}, before;

	sigaction(SIGALRM, &action, &before);
	unsigned rest = alarm(0);
	ualarm(20000, 0);
	assert_int_equal(beget__fd_poll(NULL, 0, 5000), -EINTR);
	sigaction(SIGALRM, &before, NULL);
	alarm(rest);
	assert_int_equal(caught, SIGALRM);
}

static void signals(void)
{
	not_under_valgrind("it has no pidfd_open");
	int pidfd = beget__proc_pidfd_open(getpid());

	assert_true(pidfd >= 0);
	assert_int_equal(beget__proc_signal(getpid(), pidfd, 0), 0);
	assert_int_equal(beget__proc_signal(getpid(), pidfd, 1000), -EINVAL);
	assert_int_equal(beget__proc_signal(getpid(), -1, 0), 0);
	/* A result, not a missing call: the number may belong to another process. */
	fault_every(" pidfd_send_signal ", ESRCH);
	assert_int_equal(beget__proc_signal(getpid(), pidfd, 0), -ESRCH);
	static const int ways[] = {ENOSYS, EPERM, EINVAL, ENOTTY};
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		fault_every(" pidfd_send_signal ", ways[i]);
		assert_int_equal(beget__proc_signal(getpid(), pidfd, 0), 0);
		assert_int_equal(fault_off(), 1);
	}
	beget__fd_close(&pidfd);
}

static void nobody_to_wait_for(void)
{
	not_under_valgrind("it has no pidfd_open");
	siginfo_t info;
	int status = 77, pidfd = beget__proc_pidfd_open(getpid());

	assert_int_equal(beget__proc_wait(P_ALL, 0, &info, WEXITED | WNOHANG, NULL), -ECHILD);
	assert_int_equal(beget__proc_wait(P_PID, (id_t)getpid(), &info, WEXITED | WNOHANG, NULL), -ECHILD);
	assert_int_equal(beget__proc_wait((idtype_t)3, (id_t)pidfd, &info, WEXITED | WNOHANG, NULL), -ECHILD);
	int running = beget__proc_pidfd_exit(pidfd, &status);
	assert_true(running == -EAGAIN || running == -ENODATA); /* if the kernel keeps no records */
	assert_int_equal(beget__proc_pidfd_exit(-1, &status), -ENODATA);
	assert_int_equal(beget__proc_pidfd_exit(0, &status), -ENODATA); /* there is no pidfd */
	assert_int_equal(beget__proc_zombie_exit(getpid(), &status), -ENODATA);
	assert_int_equal(beget__proc_zombie_exit(1 << 23, &status), -ENODATA);
	assert_int_equal(status, 77);
	beget__fd_close(&pidfd);
}

static pid_t zombie(int code)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	return pid;
}

/* For a process of another user, or a non-dumpable one, /proc shows an exit code of 0. */
static void look_at_zombies(void)
{
	bool root = geteuid() == 0;
	pid_t others = zombie(7);
	int status = 77;

	become_ordinary();
	CHECK(!root || beget__proc_zombie_exit(others, &status) == -ENODATA);
	CHECK(!root || status == 77);
	CHECK(prctl(PR_SET_DUMPABLE, 1UL, 0, 0, 0) == 0); /* a process that changes its user is not dumpable */
	int error = beget__proc_zombie_exit(zombie(7), &status);
	if (beget__proc_zombies_report())
		CHECK(error == 0 && status == 7 << 8);
	else
		CHECK(error == -ENODATA && status == 77);
}

static void zombies(void)
{
	run_host(look_at_zombies);
}

static void gone(void)
{
	uint64_t mine = beget__proc_started(getpid());
	siginfo_t info;

	assert_true(mine > 0);
	assert_false(beget__proc_gone(getpid(), mine));
	assert_true(beget__proc_gone(getpid(), mine + 1)); /* another process has the number now */
	assert_false(beget__proc_gone(getpid(), 0));
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(beget__proc_gone(pid, beget__proc_started(pid))); /* a zombie */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(beget__proc_gone(pid, 0));
}

static void *wait_on(void *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

/* A joined thread no longer counts, even while the kernel still lists it. */
static void threads(void)
{
	for (int round = 0; round < 200; round++) {
		pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
		pthread_t two[2];
		assert_int_equal(beget__thread_count(), 1);
		pthread_mutex_lock(&mutex);
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&two[i], NULL, wait_on, &mutex), 0);
		assert_int_equal(beget__thread_count(), 3);
		pthread_mutex_unlock(&mutex);
		for (int i = 0; i < 2; i++)
			pthread_join(two[i], NULL);
	}
	assert_int_equal(beget__thread_count(), 1);
}

static void cancellation(void)
{
	int state;

	int before = beget__thread_no_cancel();
	int inner = beget__thread_no_cancel();
	assert_int_equal(before, PTHREAD_CANCEL_ENABLE);
	assert_int_equal(inner, PTHREAD_CANCEL_DISABLE);
	beget__thread_cancel(inner);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	assert_int_equal(state, PTHREAD_CANCEL_DISABLE);
	beget__thread_cancel(before);
}

static void memory_is_zeroed(void)
{
	char *p = beget__mem_alloc(1000);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	free(p);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(never_the_standard_streams),
		UNIT(no_room_above_the_standard_streams),
		UNIT(closing),
		UNIT(identity),
		UNIT(closes_a_range),
		UNIT(closes_a_range_without_the_call),
		UNIT(closes_all_above_without_the_call),
		UNIT(files),
		UNIT(file_size_limit),
		UNIT(partial_writes),
		UNIT(no_sigpipe),
		UNIT(interrupted),
		UNIT(signals),
		UNIT(nobody_to_wait_for),
		UNIT(zombies),
		UNIT(gone),
		UNIT(threads),
		UNIT(cancellation),
		UNIT(memory_is_zeroed),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
