/* Descriptors: a child with forkserver or spawn has 0 to 2, one of the library and those that were passed, whatever
 * else the host has open. Passed ones refer to the same open files. The library never uses the host's numbers. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The open descriptors; those without close-on-exec in brackets. */
static const char *list_descriptors(void)
{
	static char text[8000];
	DIR *dir = opendir("/proc/self/fd");
	int used = 0, most = 0;

	if (!dir)
		return "no list";
	for (const struct dirent *e; (e = readdir(dir));)
		if (atoi(e->d_name) > most)
			most = atoi(e->d_name);
	int own = dirfd(dir);
	text[0] = '\0';
	for (int fd = 0; fd <= most && used < 7900; fd++) {
		int flags = fcntl(fd, F_GETFD); /* fails for descriptors that a debugger keeps */
		if (flags >= 0 && fd != own)
			used += sprintf(text + used, flags & FD_CLOEXEC ? "%d " : "[%d] ", fd);
	}
	closedir(dir);
	return text;
}

static const char *list_with(struct beget_fd a, struct beget_fd b)
{
	return a.fd == b.fd ? "one for both" : list_descriptors();
}

static const char *list_beside(struct beget_fd a, struct beget_fd b)
{
	if (fcntl(a.fd, F_GETFD) != FD_CLOEXEC || fcntl(b.fd, F_GETFD) != FD_CLOEXEC)
		return "not close-on-exec";
	return close(a.fd) == 0 && close(b.fd) == 0 ? list_descriptors() : "not there";
}

static void list_of(struct beget_process *p, char *ret, size_t size)
{
	const char *text = NULL;

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &text), 0);
	snprintf(ret, size, "%s", text);
	beget_free(p);
}

/* The open descriptors of 0 to 2, followed by these. */
static const char *expected(const char *others)
{
	static char text[100];
	int used = 0;

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			used += sprintf(text + used, "[%d] ", fd);
	snprintf(text + used, sizeof(text) - (size_t)used, "%s", others);
	return text;
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR), up = fcntl(fd, F_DUPFD, 3); /* not close-on-exec */

	close(fd);
	assert_true(up > 2);
	return up;
}

static void nothing_but_its_own(enum beget_method method)
{
	char list[200];
	int fds[20];

	not_under_valgrind("it has descriptors of its own");
	for (int i = 0; i < 20; i++)
		fds[i] = open_null();
	for (int i = 0; i < 5; i++) {
		list_of(start(method, BEGET_CALL(list_descriptors)), list, sizeof(list));
		assert_string_equal(list, expected("50 51 "));
	}
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void passed_ones_too(enum beget_method method)
{
	not_under_valgrind("it has descriptors of its own");
	char list[200];
	int a = open_null(), b = open_null();

	for (int i = 0; i < 3; i++) {
		list_of(start(method, BEGET_CALL(list_beside, BEGET_FD(a), BEGET_FD(b))), list, sizeof(list));
		assert_string_equal(list, expected("50 51 "));
	}
	close(a);
	close(b);
}

static void siblings_are_alike(enum beget_method method)
{
	struct beget_process *p[20];
	char first[200], list[200];
	int fd = open_null();

	for (int i = 0; i < 20; i++)
		p[i] = start(method, BEGET_CALL(list_with, BEGET_FD(fd), BEGET_FD(STDERR_FILENO)));
	list_of(p[0], first, sizeof(first));
	for (int i = 1; i < 20; i++) {
		list_of(p[i], list, sizeof(list));
		if (method != BEGET_FORK)
			assert_string_equal(list, first);
	}
	close(fd);
}

/* With fork, the child has all the caller's descriptors; those of the library are close-on-exec. */
static void all_of_the_caller(enum beget_method method)
{
	char list[8000], own[8000];
	int fd = open_null(), high = fcntl(fd, F_DUPFD_CLOEXEC, 100);

	snprintf(own, sizeof(own), "%s", list_descriptors());
	list_of(start(method, BEGET_CALL(list_descriptors)), list, sizeof(list));
	close(fd);
	close(high);
	for (char *end, *at = list; *at; at = end) { /* each is the caller's, or the child's channel */
		end = strchr(at, ' ') + 1;
		char name[20];
		snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
		if (!strstr(own, name))
			assert_int_not_equal(name[0], '[');
	}
	for (char *end, *at = own; *at; at = end) {
		end = strchr(at, ' ') + 1;
		char name[20];
		snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
		if (name[0] == '[')
			assert_non_null(strstr(list, name));
	}
	assert_non_null(strstr(list, "100 "));
}

/* Numbers that the environment may name, as make does with --jobserver-auth=3,4. */

static int open_below(int end)
{
	int n = 0;

	for (int fd = 3; fd < end; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void low_numbers_are_free(enum beget_method method)
{
	static const unsigned flags[] = {0, BEGET_TIED, BEGET_CRASH_REPORT};
	struct rlimit before, few;

	helper_pid();
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			int_result_with(BEGET_OPTIONS(.method = method, .flags = flags[i]), BEGET_CALL(open_below, 50)),
			0);
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = 40; /* there are no others */
	setrlimit(RLIMIT_NOFILE, &few);
	int n = int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED), BEGET_CALL(open_below, 50));
	setrlimit(RLIMIT_NOFILE, &before);
	assert_true(n >= 0);
}

/* Passing. */

static int temporary(void)
{
	char path[] = "/tmp/beget-descriptors-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), up = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	close(fd);
	assert_true(up > 2);
	unlink(path);
	return up;
}

static int moves_to(struct beget_fd file, int offset)
{
	return (int)lseek(file.fd, offset, SEEK_SET);
}

static void the_same_open_file(enum beget_method method)
{
	int fd = temporary();

	assert_int_equal(int_result(method, BEGET_CALL(moves_to, BEGET_FD(fd), 4711)), 4711);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 4711);
	close(fd);
}

static int reads_late(struct beget_fd in)
{
	char text[8] = "";

	return read(in.fd, text, sizeof(text)) == 4 && memcmp(text, "late", 4) == 0;
}

static void closed_right_after_the_start(enum beget_method method)
{
	int pipe_[2];

	for (int i = 0; i < 50; i++) {
		assert_int_equal(pipe2(pipe_, O_CLOEXEC), 0);
		struct beget_process *p = start(method, BEGET_CALL(reads_late, BEGET_FD(pipe_[0])));
		int right = 0;
		close(pipe_[0]);
		/* Another file at the same number must not be taken for it. */
		int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(write(pipe_[1], "late", 4), 4);
		close(pipe_[1]);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		assert_int_equal(beget_result(p, &right), 0);
		assert_true(right);
		beget_free(p);
		close(other);
	}
}

static void high_numbers(enum beget_method method)
{
	int fd = temporary();

	for (int number = 255; number <= 1020; number += 255) {
		int high = fcntl(fd, F_DUPFD_CLOEXEC, number);
		assert_true(high >= number);
		assert_int_equal(int_result(method, BEGET_CALL(moves_to, BEGET_FD(high), number)), number);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), number);
		close(high);
	}
	close(fd);
}

static void standard_ones(enum beget_method method)
{
	int fd = temporary(), before = fcntl(0, F_DUPFD_CLOEXEC, 10);

	dup2(fd, 0);
	struct beget_process *p = start(method, BEGET_CALL(moves_to, BEGET_FD(0), 12));
	if (before >= 0)
		dup2(before, 0);
	else
		close(0);
	close(before);
	expect_exit(p, 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 12);
	close(fd);
}

/* clang-format off */
#define TEN(x) struct beget_fd x##0, struct beget_fd x##1, struct beget_fd x##2, struct beget_fd x##3, \
	struct beget_fd x##4, struct beget_fd x##5, struct beget_fd x##6, struct beget_fd x##7, \
	struct beget_fd x##8, struct beget_fd x##9
#define NAMES(x) x##0, x##1, x##2, x##3, x##4, x##5, x##6, x##7, x##8, x##9
#define MANY(TEN) TEN(a), TEN(b), TEN(c), TEN(d), TEN(e), TEN(f), TEN(g), TEN(h), TEN(i), TEN(j), TEN(k), TEN(l), \
	TEN(m), TEN(n), TEN(o), TEN(p), TEN(q), TEN(r), TEN(s), TEN(t), TEN(u), TEN(v), TEN(w), TEN(x), TEN(y)
/* clang-format on */

/* Counts the descriptors that are the files that were sent; each file has its own size. */
static int all_there(MANY(TEN), struct beget_fd z0, struct beget_fd z1, struct beget_fd z2)
{
	const struct beget_fd fds[] = {MANY(NAMES), z0, z1, z2};
	int right = 0;

	for (int i = 0; i < BEGET_FDS_MAX; i++) {
		struct stat st;
		right += fstat(fds[i].fd, &st) == 0 && st.st_size == i % 10 + 1;
	}
	return right;
}

static int first_64(MANY(TEN))
{
	const struct beget_fd fds[] = {MANY(NAMES)};
	struct stat st;
	int right = 0;

	for (int i = 0; i < 64; i++)
		right += fstat(fds[i].fd, &st) == 0 && st.st_size == i % 10 + 1;
	return right;
}

static void many(enum beget_method method)
{
	struct beget_arg args[BEGET_FDS_MAX + 1];
	struct beget_fd files[10];
	struct beget_process *p = NULL;

	for (int i = 0; i < 10; i++) {
		files[i].fd = temporary();
		assert_int_equal(ftruncate(files[i].fd, i + 1), 0);
	}
	for (int i = 0; i <= BEGET_FDS_MAX; i++)
		args[i] = (struct beget_arg){.type = BEGET_TYPE_FD, .value = &files[i % 10]};
	struct beget_call call = {
		.function = (void (*)(void))first_64, .result = BEGET_TYPE_INT, .n = 250, .args = args};
	assert_int_equal(int_result(method, &call), 64);
	call.function = (void (*)(void))all_there;
	call.n = BEGET_FDS_MAX;
	for (int i = 0; i < 5; i++)
		assert_int_equal(int_result(method, &call), BEGET_FDS_MAX);
	call.n = BEGET_FDS_MAX + 1;
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.method = method), &call), -EMSGSIZE);
	assert_non_null(strstr(beget_error(), "254"));
	assert_null(p);
	for (int i = 0; i < 10; i++)
		close(files[i].fd);
}

static void many_and_much(enum beget_method method)
{
	static char much[100000];
	struct beget_arg args[BEGET_FDS_MAX + 1];
	struct beget_fd file = {temporary()};
	struct beget_bytes bytes = {much, sizeof(much)};

	assert_int_equal(ftruncate(file.fd, 1), 0);
	for (int i = 0; i < BEGET_FDS_MAX; i++)
		args[i] = (struct beget_arg){.type = BEGET_TYPE_FD, .value = &file};
	args[BEGET_FDS_MAX] = (struct beget_arg){.type = BEGET_TYPE_BYTES, .value = &bytes};
	struct beget_call call = {
		.function = (void (*)(void))all_there, .result = BEGET_TYPE_INT, .n = BEGET_FDS_MAX + 1, .args = args};
	/* one in ten has the size that is expected at its position */
	assert_int_equal(int_result(method, &call), 26);
	close(file.fd);
}

static void one_that_is_closed(enum beget_method method)
{
	struct beget_process *p = NULL;
	int fd = temporary();

	close(fd);
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(moves_to, BEGET_FD(fd), 0)),
	                 -EBADF);
	assert_non_null(strstr(beget_error(), "argument 1"));
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(moves_to, BEGET_FD(-1), 0)),
	                 -EBADF);
	assert_null(p);
}

/* Hosts and targets that close descriptors. */

static int open_standard_streams(void)
{
	return (fcntl(0, F_GETFD) >= 0) << 0 | (fcntl(1, F_GETFD) >= 0) << 1 | (fcntl(2, F_GETFD) >= 0) << 2;
}

static int open_with(struct beget_fd file)
{
	return open_standard_streams() | (file.fd > 2 && lseek(file.fd, 5, SEEK_SET) == 5) << 3;
}

static void close_streams(int saved[3])
{
	fflush(stdout);
	for (int fd = 0; fd <= 2; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
}

static void reopen_streams(const int saved[3])
{
	for (int fd = 0; fd <= 2; fd++) {
		if (saved[fd] >= 0)
			dup2(saved[fd], fd);
		else
			close(fd);
		close(saved[fd]);
	}
}

static void host_without_standard_streams(enum beget_method method)
{
	if (method == BEGET_SPAWN)
		not_under_valgrind("it opens what is closed when it begins");
	int saved[3], file = temporary(), seen[3] = {-1, -1, -1}, own = 0, error = 0;

	for (int i = 0; i < 3 && !error; i++) {
		struct beget_process *p = NULL;
		pid_t helper = i == 1 ? helper_pid() : 0;
		if (helper) { /* the next helper is launched without them too */
			kill(helper, SIGKILL);
			assert_true(process_gone(helper, 10000));
		}
		close_streams(saved);
		error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(open_with, BEGET_FD(file)));
		own |= open_standard_streams();
		if (!error)
			error = beget_join(p, 10000, NULL);
		if (!error)
			error = beget_result(p, &seen[i]);
		own |= open_standard_streams();
		beget_free(p);
		reopen_streams(saved);
	}
	close(file);
	assert_int_equal(error, 0);
	assert_int_equal(own, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen[i], 8);
}

static int closes_all_and_opens(const char *path)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	for (int i = 0; i < 100; i++) /* at any number that the channel may have had */
		if (open(path, O_RDWR | O_APPEND) < 0)
			exit(9);
	return 77;
}

static void target_that_closes_everything(enum beget_method method)
{
	char path[] = "/tmp/beget-descriptors-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC), value = 5;
	struct stat st;

	struct beget_process *p = start(method, BEGET_CALL(closes_all_and_opens, path));
	int joined = beget_join(p, 10000, NULL);
	unlink(path);
	assert_int_equal(joined, 0);
	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(file);
	assert_int_equal(beget_result(p, &value), -ENODATA);
	expect_exit(p, 0);
}

static int starts(enum beget_method method)
{
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(open_standard_streams));

	if (!error)
		error = beget_join(p, 10000, NULL);
	beget_free(p);
	return error;
}

/* In a copy of the program: closes all descriptors it does not know, including the library's image and helper, and
 * opens files at their numbers. */
static int closes_all_and_starts(int file, enum beget_method method)
{
	struct stat st;
	int error = starts(method);

	for (int fd = 3; fd < 100; fd++)
		if (fd != file)
			close(fd);
	for (int i = 0; i < 20; i++)
		if (fcntl(file, F_DUPFD_CLOEXEC, 3) < 0)
			return 1;
	for (int i = 0; i < 3 && !error; i++)
		error = starts(method);
	if (error)
		fprintf(stderr, "%s\n", beget_error());
	return error || fstat(file, &st) < 0 || st.st_size != 0;
}

static void host_that_closes_everything(enum beget_method method)
{
	int file = temporary(), status;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(closes_all_and_starts(file, method));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(file);
}

/* The number of two new files that are still open in a copy of the target. */
static int in_a_copy(void)
{
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC), second = open("/dev/null", O_RDONLY | O_CLOEXEC),
	    status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit((fcntl(first, F_GETFD) >= 0) + (fcntl(second, F_GETFD) >= 0));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void copy_that_the_target_makes(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(in_a_copy)), 2);
}

int main(int argc, char **argv)
{
	enum { FRESH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN) };
	static const struct behaviour table[] = {
		BEHAVIOUR_OF(nothing_but_its_own, FRESH),
		BEHAVIOUR_OF(passed_ones_too, FRESH),
		BEHAVIOUR_OF(low_numbers_are_free, FRESH),
		BEHAVIOUR(siblings_are_alike),
		BEHAVIOUR_OF(all_of_the_caller, BY(BEGET_FORK)),
		BEHAVIOUR(the_same_open_file),
		BEHAVIOUR(closed_right_after_the_start),
		BEHAVIOUR(high_numbers),
		BEHAVIOUR(standard_ones),
		BEHAVIOUR(many),
		BEHAVIOUR(many_and_much),
		BEHAVIOUR(one_that_is_closed),
		BEHAVIOUR(host_without_standard_streams),
		BEHAVIOUR(target_that_closes_everything),
		BEHAVIOUR(host_that_closes_everything),
		BEHAVIOUR(copy_that_the_target_makes),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
