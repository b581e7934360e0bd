/* The standard streams of a child, each of every kind: what they are, where their ends are open and for how long, and
 * that a start that fails leaves nothing of them. */
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
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, UNTOUCHED = -7 };

static void nothing(void)
{
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static int temporary(void)
{
	char path[] = "/tmp/beget-streams-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static unsigned long inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (unsigned long)st.st_ino;
}

/* Options that change one stream. */
static struct beget_options with_stream(enum beget_method method, int i, struct beget_stream stream)
{
	struct beget_options o = {.size = sizeof(o), .method = method};

	*(i == 0 ? &o.in : i == 1 ? &o.out : &o.err) = stream;
	return o;
}

/* Between these two calls, the caller's streams are these; -1 is closed. Nothing may fail meanwhile. */
struct caller_streams {
	int saved[3];
};

static struct caller_streams redirect(int in, int out, int err)
{
	struct caller_streams s;
	int to[] = {in, out, err};

	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		s.saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 30);
		assert_true(s.saved[i] > 2);
	}
	for (int i = 0; i < 3; i++)
		if (to[i] < 0)
			close(i);
		else if (to[i] != s.saved[i])
			dup2(to[i], i);
	return s;
}

static void restore(const struct caller_streams *s)
{
	for (int i = 0; i < 3; i++) {
		dup2(s->saved[i], i);
		close(s->saved[i]);
	}
}

/* Null. */

static int is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == (fd == 0 ? O_RDONLY : O_WRONLY);
}

static void null(enum beget_method method)
{
	for (int i = 0; i < 3; i++) {
		struct beget_options o = with_stream(method, i, BEGET_STREAM_NULL);
		assert_int_equal(int_result_with(&o, BEGET_CALL(is_null, i)), 1);
	}
}

/* Descriptors. */

static int streams_are(unsigned long in, unsigned long out, unsigned long err)
{
	return (inode(0) == in) + 2 * (inode(1) == out) + 4 * (inode(2) == err);
}

static void descriptor(enum beget_method method)
{
	int fd = temporary(), flags = fcntl(fd, F_GETFD);

	for (int i = 0; i < 3; i++) {
		struct beget_options o = with_stream(method, i, BEGET_STREAM_FD(fd));
		unsigned long want[3] = {inode(0), inode(1), inode(2)};
		want[i] = inode(fd);
		assert_int_equal(int_result_with(&o, BEGET_CALL(streams_are, want[0], want[1], want[2])), 7);
		assert_int_equal(fcntl(fd, F_GETFD), flags); /* it stays the caller's, with its flags */
	}
	assert_int_equal(int_result_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_FD(fd),
	                                               .out = BEGET_STREAM_FD(fd), .err = BEGET_STREAM_FD(fd)),
	                                 BEGET_CALL(streams_are, inode(fd), inode(fd), inode(fd))),
	                 7);
	close(fd);
}

/* All permutations of 0 to 2, each a different file. */
static void streams_of_the_caller_swapped(enum beget_method method)
{
	static const int orders[][3] = {{1, 2, 0}, {2, 0, 1}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}, {0, 1, 2}, {1, 1, 1}};
	int files[3];
	unsigned long is[3];

	for (int i = 0; i < 3; i++) {
		files[i] = temporary();
		is[i] = inode(files[i]);
	}
	for (size_t n = 0; n < sizeof(orders) / sizeof(*orders); n++) {
		const int *to = orders[n];
		struct beget_process *p = NULL;
		int value = 0;
		struct caller_streams s = redirect(files[0], files[1], files[2]);
		int error = beget_start(&p,
		                        BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_FD(to[0]),
		                                      .out = BEGET_STREAM_FD(to[1]), .err = BEGET_STREAM_FD(to[2])),
		                        BEGET_CALL(streams_are, is[to[0]], is[to[1]], is[to[2]]));
		int same = streams_are(is[0], is[1], is[2]);
		restore(&s);
		assert_int_equal(error, 0);
		assert_int_equal(same, 7);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		assert_int_equal(beget_result(p, &value), 0);
		assert_int_equal(value, 7);
		beget_free(p);
	}
	for (int i = 0; i < 3; i++)
		close(files[i]);
}

/* Pipes. */

static void fill(char *bytes)
{
	for (int i = 0; i < MIB; i++)
		bytes[i] = (char)(i * 31 + i / 255);
}

static void prints_a_mebibyte(int fd)
{
	static char bytes[MIB];

	fill(bytes);
	fwrite(bytes, 1, MIB, fd == 1 ? stdout : stderr);
}

static int read_all(int fd, char *bytes, size_t size)
{
	size_t n = 0;

	for (struct pollfd ready = {.fd = fd, .events = POLLIN}; n < size && poll(&ready, 1, 10000) == 1;) {
		ssize_t got = read(fd, bytes + n, size - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return (int)n;
}

static void captured_output(enum beget_method method)
{
	static char want[MIB], got[MIB + 1];

	fill(want);
	for (int i = 1; i < 3; i++) {
		int end = UNTOUCHED;
		struct beget_options o = with_stream(method, i, BEGET_STREAM_PIPE(&end));
		struct beget_process *p = start_with(&o, BEGET_CALL(prints_a_mebibyte, i));
		assert_true(end > 2);
		assert_int_equal(fcntl(end, F_GETFD), FD_CLOEXEC);
		memset(got, 0, sizeof(got));
		assert_int_equal(read_all(end, got, sizeof(got)), MIB);
		assert_memory_equal(got, want, MIB);
		expect_exit(p, 0);
		close(end);
	}
}

static int sum_of_input(void)
{
	static char bytes[4096], want[MIB];
	size_t n = 0, got;

	fill(want);
	while ((got = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
		if (n + got > MIB || memcmp(bytes, want + n, got) != 0)
			return -1;
		n += got;
	}
	return (int)n;
}

static void fed_input(enum beget_method method)
{
	static char bytes[MIB];
	int end = UNTOUCHED, value = 0;
	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_PIPE(&end)), BEGET_CALL(sum_of_input));

	fill(bytes);
	assert_true(end > 2);
	assert_int_equal(fcntl(end, F_GETFD), FD_CLOEXEC);
	for (size_t n = 0; n < MIB;) {
		ssize_t done = write(end, bytes + n, MIB - n);
		assert_true(done > 0);
		n += (size_t)done;
	}
	close(end);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, MIB);
	beget_free(p);
}

static void raises_its_voice(void)
{
	int c;

	while ((c = getchar()) != EOF) {
		putchar(c - 'a' + 'A');
		fputc(c, stderr);
	}
}

static void all_three_piped(enum beget_method method)
{
	int in, out, err;
	char text[3][10] = {"", "", ""};
	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_PIPE(&in), .out = BEGET_STREAM_PIPE(&out),
	                                 .err = BEGET_STREAM_PIPE(&err)),
	                   BEGET_CALL(raises_its_voice));

	assert_int_equal(write(in, "abc", 3), 3);
	close(in);
	read_all(out, text[1], sizeof(text[1]) - 1);
	read_all(err, text[2], sizeof(text[2]) - 1);
	assert_string_equal(text[1], "ABC");
	assert_string_equal(text[2], "abc");
	assert_true(ends(out, 2000) && ends(err, 2000));
	expect_exit(p, 0);
	close(out);
	close(err);
}

/* Running children of every method, started before and after the start that is tested. */

static void start_siblings(struct beget_process **p)
{
	for (int m = 0; m < 3; m++)
		p[m] = start_with(
			BEGET_OPTIONS(.method = (enum beget_method)m, .flags = m == BEGET_FORK ? BEGET_CLOSE_FDS : 0),
			BEGET_CALL(sleeper));
}

static void stop(struct beget_process **p, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(beget_kill(p[i], SIGKILL), 0);
		expect_end(p[i], BEGET_SIGNALED, SIGKILL);
	}
}

static void output_ends_with_the_child(enum beget_method method)
{
	struct beget_process *others[7];
	int end = UNTOUCHED;

	start_siblings(others);
	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&end), .err = BEGET_STREAM_OUT),
	                   BEGET_CALL(sleeper));
	start_siblings(others + 3);
	others[6] = start(BEGET_FORK, BEGET_CALL(sleeper)); /* also a complete copy of this process */
	assert_int_equal(beget_pid(p) > 0, 1);
	assert_false(ends(end, 50));
	stop(&p, 1);
	assert_true(ends(end, 2000));
	close(end);
	stop(others, 7);
}

static void input_ends_with_the_callers_end(enum beget_method method)
{
	struct beget_process *others[6];
	int end = UNTOUCHED;

	start_siblings(others);
	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_PIPE(&end)),
	                                     BEGET_CALL(raises_its_voice));
	start_siblings(others + 3);
	assert_int_equal(beget_join(p, 50, NULL), -ETIMEDOUT);
	close(end);
	expect_exit(p, 0);
	stop(others, 6);
}

/* The child does not hold the caller's ends of its own pipes either. */
static void ends_of_the_caller_are_not_the_childs(enum beget_method method)
{
	int in, out;
	struct beget_process *p = start_with(
		BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_PIPE(&in), .out = BEGET_STREAM_PIPE(&out)),
		BEGET_CALL(sleeper));
	struct pollfd reader = {.fd = in};

	assert_true(beget_pid(p) > 0);
	assert_int_equal(poll(&reader, 1, 0), 0); /* there is a reader */
	stop(&p, 1);
	assert_int_equal(poll(&reader, 1, 2000), 1);
	assert_true(reader.revents & POLLERR); /* there is no reader */
	assert_true(ends(out, 2000));
	close(in);
	close(out);
}

/* Files. */

static char path[60];

static void make_file(const char *content)
{
	snprintf(path, sizeof(path), "/tmp/beget-streams-XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	if (content)
		assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
	if (!content)
		unlink(path);
}

static const char *first_line(void)
{
	static char text[100];

	return fgets(text, sizeof(text), stdin) ? text : "end of file";
}

static void prints(const char *out, const char *err)
{
	fputs(out, stdout);
	fputs(err, stderr);
}

static void expect_file(const char *name, const char *content, mode_t mode)
{
	char text[100] = "";
	struct stat st;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	assert_string_equal(text, content);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void input_file(enum beget_method method)
{
	make_file("what is written\nthere\n");
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_FILE(path)),
	                                     BEGET_CALL(first_line)),
	                    "what is written\n");
	unlink(path);
}

static void output_file(enum beget_method method)
{
	mode_t before = umask(027);

	make_file(NULL);
	expect_exit(start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FILE(path)),
	                       BEGET_CALL(prints, "a long first line", "")),
	            0);
	expect_file(path, "a long first line", 0640);
	umask(077); /* does not change an existing file */
	expect_exit(start_with(BEGET_OPTIONS(.method = method, .err = BEGET_STREAM_FILE(path)),
	                       BEGET_CALL(prints, "", "short")),
	            0);
	umask(before);
	expect_file(path, "short", 0640);
	unlink(path);
}

/* True if this process has locked the whole file, as another process sees it. */
static bool locked(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Closing any descriptor of a file releases the locks that a process has on it. */
static void locked_file(enum beget_method method)
{
	struct beget_stream file = BEGET_STREAM_FILE(path);
	struct beget_process *p;

	make_file("what is written\n");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}), 0);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .in = file), BEGET_CALL(first_line)),
	                    "what is written\n");
	assert_true(locked());
	expect_exit(start_with(BEGET_OPTIONS(.method = method, .out = file, .err = BEGET_STREAM_OUT),
	                       BEGET_CALL(prints, "out ", "err ")),
	            0);
	assert_true(locked());
	assert_int_equal(beget_start(&p,
	                             BEGET_OPTIONS(.method = method, .out = file,
	                                           .err = BEGET_STREAM_FILE("/nonexistent/beget")),
	                             BEGET_CALL(nothing)),
	                 -ENOENT);
	assert_true(locked());
	close(fd);
	unlink(path);
}

/* A FIFO: the start waits for a process at its other end, and no other start waits meanwhile. */

struct writer {
	enum beget_method method;
	int error;
};

static void *starts_a_writer(void *data)
{
	struct writer *w = data;
	struct beget_process *p;

	sleep_ms(50);
	w->error = beget_start(
		&p, BEGET_OPTIONS(.method = w->method, .flags = BEGET_UNSAFE_FORK, .out = BEGET_STREAM_FILE(path)),
		BEGET_CALL(prints, "through a pipe\n", ""));
	if (w->error == 0)
		w->error = beget_join(p, 10000, NULL);
	if (w->error == 0)
		beget_free(p);
	return NULL;
}

static void named_pipe(enum beget_method method)
{
	struct writer w = {.method = method};
	pthread_t thread;

	make_file(NULL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, starts_a_writer, &w), 0);
	const char *text = text_result_with(
		BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK, .in = BEGET_STREAM_FILE(path)),
		BEGET_CALL(first_line));
	assert_int_equal(pthread_join(thread, NULL), 0);
	unlink(path);
	assert_string_equal(text, "through a pipe\n");
	assert_int_equal(w.error, 0);
}

/* Paths are relative to the caller's directory, whatever the child's is. */
static void relative_file(enum beget_method method)
{
	int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mode_t before = umask(0);

	make_file(NULL);
	assert_int_equal(chdir("/tmp"), 0);
	struct beget_process *p = start_with(
		BEGET_OPTIONS(.method = method, .cwd = "/", .out = BEGET_STREAM_FILE(path + strlen("/tmp/"))),
		BEGET_CALL(prints, "text", ""));
	assert_int_equal(fchdir(home), 0);
	close(home);
	umask(before);
	expect_exit(p, 0);
	expect_file(path, "text", 0666);
	unlink(path);
}

static void error_is_what_output_is(enum beget_method method)
{
	char text[30] = "";
	int end, file = temporary();

	make_file(NULL);
	expect_exit(start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FILE(path), .err = BEGET_STREAM_OUT),
	                       BEGET_CALL(prints, "out ", "err ")),
	            0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 8); /* a common position: neither has overwritten the other */
	close(fd);
	unlink(path);

	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&end), .err = BEGET_STREAM_OUT),
	                   BEGET_CALL(prints, "out ", "err "));
	assert_int_equal(read_all(end, text, sizeof(text)), 8);
	expect_exit(p, 0);
	close(end);

	expect_exit(start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FD(file), .err = BEGET_STREAM_OUT),
	                       BEGET_CALL(prints, "out ", "err ")),
	            0);
	assert_int_equal(lseek(file, 0, SEEK_END), 8);

	/* The caller's own output, as it is now. */
	p = NULL;
	struct caller_streams s = redirect(0, file, 2);
	int error = beget_start(&p, BEGET_OPTIONS(.method = method, .err = BEGET_STREAM_OUT),
	                        BEGET_CALL(prints, "out ", "err "));
	restore(&s);
	assert_int_equal(error, 0);
	expect_exit(p, 0);
	assert_int_equal(lseek(file, 0, SEEK_END), 16);
	close(file);
}

/* The caller's own streams. */

static int open_streams(void)
{
	int open = 0;

	for (int i = 0; i < 3; i++)
		open |= (fcntl(i, F_GETFD) >= 0) << i;
	return open;
}

static void caller_redirected_later(enum beget_method method)
{
	char text[10] = "";
	int file = temporary();
	struct beget_process *p = NULL;
	struct caller_streams s = redirect(0, file, 2);
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(prints, "here", ""));

	restore(&s);
	assert_int_equal(error, 0);
	expect_exit(p, 0);
	assert_int_equal(pread(file, text, sizeof(text), 0), 4);
	assert_string_equal(text, "here");
	close(file);
}

static int result_while(enum beget_method method, int closed, int *end)
{
	int keep[3] = {closed & 1 ? -1 : 0, closed & 2 ? -1 : 1, closed & 4 ? -1 : 2}, value = -1;
	struct beget_process *p = NULL;
	struct caller_streams s = redirect(keep[0], keep[1], keep[2]);
	int error =
		beget_start(&p,
	                    BEGET_OPTIONS(.method = method, .out = end ? BEGET_STREAM_PIPE(end)
	                                                               : (struct beget_stream){.kind = BEGET_AS_IS}),
	                    BEGET_CALL(open_streams));
	int open = open_streams(); /* opened by us, not by the library */

	restore(&s);
	assert_int_equal(error, 0);
	assert_int_equal(open, 7 & ~closed);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	beget_free(p);
	return value;
}

static void closed_streams_stay_closed(enum beget_method method)
{
	if (method == BEGET_SPAWN)
		not_under_valgrind("it opens what is closed when it begins");
	int end;

	for (int closed = 0; closed < 8; closed++) {
		assert_int_equal(result_while(method, closed, NULL), 7 & ~closed);
		assert_int_equal(result_while(method, closed, &end), (7 & ~closed) | 2);
		assert_true(end > 2);
		close(end);
	}
}

static void error_is_what_closed_output_is(enum beget_method method)
{
	int value = -1;
	struct beget_process *p = NULL;
	struct caller_streams s = redirect(0, -1, 2);
	int error = beget_start(&p, BEGET_OPTIONS(.method = method, .err = BEGET_STREAM_OUT), BEGET_CALL(open_streams));

	restore(&s);
	assert_int_equal(error, 0);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 1);
	beget_free(p);
}

/* Refusals. */

static void expect_refusal(const struct beget_options *options, int error, const char *why)
{
	int before = count_descriptors();
	struct beget_process *p = NULL;
	int got = beget_start(&p, options, BEGET_CALL(nothing));

	if (got != error || p || !strstr(beget_error(), why))
		fail_msg("error %d, not %d; \"%s\" should contain \"%s\"", got, error, beget_error(), why);
	assert_int_equal(count_descriptors(), before);
}

static void refused_streams(enum beget_method method)
{
	static const char *const names[] = {"input", "output", "error"};
	int closed = dup(0), end = UNTOUCHED;

	close(closed);
	for (int i = 0; i < 3; i++) {
		struct beget_options o[] = {
			with_stream(method, i, BEGET_STREAM_FD(closed)),
			with_stream(method, i, BEGET_STREAM_FD(-1)),
			with_stream(method, i, BEGET_STREAM_PIPE(NULL)),
			with_stream(method, i, BEGET_STREAM_FILE(NULL)),
			with_stream(method, i, BEGET_STREAM_OUT),
			with_stream(method, i, BEGET_STREAM_FILE("/nonexistent/beget")),
		};
		expect_refusal(&o[0], -EBADF, names[i]);
		expect_refusal(&o[1], -EBADF, names[i]);
		expect_refusal(&o[2], -EINVAL, names[i]);
		expect_refusal(&o[3], -EINVAL, names[i]);
		if (i < 2)
			expect_refusal(&o[4], -EINVAL, names[i]);
		expect_refusal(&o[5], -ENOENT, "/nonexistent/beget");
	}
	expect_refusal(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FILE("/tmp")), -EISDIR, "/tmp");
	/* Everything that was opened by then is closed again, and no process notices. */
	expect_refusal(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED, .cwd = "/", .in = BEGET_STREAM_NULL,
	                             .out = BEGET_STREAM_PIPE(&end), .err = BEGET_STREAM_FILE("/nonexistent/beget")),
	               -ENOENT, "/nonexistent/beget");
	assert_int_equal(end, UNTOUCHED);
}

/* Fails at every descriptor that a start needs in the caller, one after the other. */
static void table_full(enum beget_method method)
{
	not_under_valgrind("it ends when the table is full");
	struct rlimit limit, low;
	int in = UNTOUCHED, out = UNTOUCHED, error = -1, failures = 0, before = count_descriptors();
	int top = dup(0);

	close(top);
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	for (int more = 0; more < 60 && error; more++) {
		struct beget_process *p = NULL;
		low.rlim_cur = (rlim_t)(top + more);
		setrlimit(RLIMIT_NOFILE, &low);
		error = beget_start(&p,
		                    BEGET_OPTIONS(.method = method, .flags = BEGET_TIED, .cwd = "/tmp",
		                                  .in = BEGET_STREAM_PIPE(&in), .out = BEGET_STREAM_PIPE(&out),
		                                  .err = BEGET_STREAM_NULL),
		                    BEGET_CALL(nothing));
		setrlimit(RLIMIT_NOFILE, &limit);
		if (error) {
			if (error != -EMFILE || p)
				fail_msg("with %d more: error %d: %s", more, error, beget_error());
			assert_int_equal(in, UNTOUCHED);
			assert_int_equal(out, UNTOUCHED);
			assert_int_equal(count_descriptors(), before);
			failures++;
		} else {
			assert_true(in > 2 && out > 2);
			assert_int_equal(beget_join(p, 10000, NULL), 0);
			beget_free(p);
			close(in);
			close(out);
		}
	}
	assert_int_equal(error, 0);
	assert_true(failures > 5);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(null),
		BEHAVIOUR(descriptor),
		BEHAVIOUR(streams_of_the_caller_swapped),
		BEHAVIOUR(captured_output),
		BEHAVIOUR(fed_input),
		BEHAVIOUR(all_three_piped),
		BEHAVIOUR(output_ends_with_the_child),
		BEHAVIOUR(input_ends_with_the_callers_end),
		BEHAVIOUR(ends_of_the_caller_are_not_the_childs),
		BEHAVIOUR(input_file),
		BEHAVIOUR(output_file),
		BEHAVIOUR(locked_file),
		BEHAVIOUR(named_pipe),
		BEHAVIOUR(relative_file),
		BEHAVIOUR(error_is_what_output_is),
		BEHAVIOUR(caller_redirected_later),
		BEHAVIOUR(closed_streams_stay_closed),
		BEHAVIOUR(error_is_what_closed_output_is),
		BEHAVIOUR(refused_streams),
		BEHAVIOUR(table_full),
	};

	signal(SIGPIPE, SIG_IGN);
	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
