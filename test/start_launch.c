/* Launches in which the image is hard to execute: without /dev/null, with execveat refused, with environment strings
 * that are too long for execve, after the program has overwritten its arguments, and with kernel threads. */
#include "filter.h"
#include "matrix.h"

#include <sched.h>
#include <sys/mount.h>

/* Before glibc 2.36, the headers of libc must come first. */
#include <linux/io_uring.h>

static char **arguments;

static const char *called(void)
{
	prctl(PR_GET_NAME, text);
	return text;
}

static void expect_each(const char *what, const char *wanted, const struct beget_call *call)
{
	static const char *const names[] = {
		[BEGET_FORKSERVER] = "forkserver", [BEGET_SPAWN] = "spawn", [BEGET_FORK] = "fork"};

	for (int m = 0; m < 3; m++)
		expect_text(what, "by", names[m], wanted, ask((enum beget_method)m, 0, call));
}

static const char *answer(void)
{
	return "here";
}

static void lose_null(int unused)
{
	(void)unused;
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) < 0 || access("/dev/null", F_OK) == 0)
		_exit(NOT_PERMITTED);
	expect_each("no /dev/null", "here", BEGET_CALL(answer));
	close(STDIN_FILENO);
	expect_each("no /dev/null and no standard input", "here", BEGET_CALL(answer));
}

static void without_null(void)
{
	if (!in_copy(lose_null, 0))
		skip();
}

static void lose_execveat(int error)
{
	if (!refuse_call(SYS_execveat, error))
		_exit(NOT_PERMITTED);
	expect_each("no execveat", "here", BEGET_CALL(answer));
}

static void without_execveat(void)
{
	if (!in_copy(lose_execveat, EPERM) || !in_copy(lose_execveat, ENOSYS) || !in_copy(lose_execveat, ENOENT))
		skip();
}

enum { LONG = 200000 };

static const char *measure(void)
{
	const char *value = getenv("BEGET_LONG"), *other = getenv("BEGET_SHORT");

	snprintf(text, sizeof(text), "%zu, %s", value ? strlen(value) : 0, other ? other : "none");
	return text;
}

static void set_long(int unused)
{
	char *value = calloc(1, LONG + 1);

	(void)unused;
	memset(value, 'x', LONG);
	setenv("BEGET_SHORT", "short", 1);
	free(ask(BEGET_FORKSERVER, 0, BEGET_CALL(answer)));
	setenv("BEGET_LONG", value, 1);
	expect_each("a long string", "200000, short", BEGET_CALL(measure));
	expect_each("a long string", "200000, short", BEGET_CALL(measure)); /* and with the next start */
	for (int m = 0; m < 3; m++)
		expect_text("a long string", "replaced", "all", "0, other",
		            ask_with(BEGET_OPTIONS(.method = (enum beget_method)m,
		                                   .env = (char *const[]){"BEGET_SHORT=other", NULL}),
		                     BEGET_CALL(measure)));
}

static void launch_with_long(int unused)
{
	char *value = calloc(1, LONG + 1);

	(void)unused;
	memset(value, 'x', LONG);
	setenv("BEGET_LONG", value, 1);
	setenv("BEGET_SHORT", "short", 1);
	expect_each("a long string", "200000, short", BEGET_CALL(measure));
	unsetenv("BEGET_LONG");
	expect_each("no long string", "0, short", BEGET_CALL(measure));
}

static void long_string(void)
{
	assert_true(in_copy(set_long, 0));
	assert_true(in_copy(launch_with_long, 0));
}

/* More than execve takes in total: the sentence says so, and only fork works. */
static void set_too_much(int unused)
{
	char *value = calloc(1, 100001), name[40];
	struct beget_process *p;

	(void)unused;
	memset(value, 'x', 100000);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "BEGET_LONG_%d", i);
		setenv(name, value, 1);
	}
	for (int m = 0; m < 2; m++) {
		int error = beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(answer));
		if (error != -E2BIG || !strstr(beget_error(), "environment"))
			GIVE_UP("too large an environment, method %d: %d, %s", m, error, beget_error());
	}
	free(ask(BEGET_FORK, 0, BEGET_CALL(answer)));
}

static void too_large(void)
{
	assert_true(in_copy(set_too_much, 0));
}

/* As setproctitle(3) does. */
static void write_title(int unused)
{
	const char *slash = strrchr(arguments[0], '/');
	char wanted[16];

	(void)unused;
	snprintf(wanted, sizeof(wanted), "%s", slash ? slash + 1 : arguments[0]);
	memset(arguments[0], 't', strlen(arguments[0]));
	for (int m = 0; m < 2; m++)
		expect_text("a title", "written", "child", wanted, ask((enum beget_method)m, 0, BEGET_CALL(called)));
}

static void title(void)
{
	assert_true(in_copy(write_title, 0));
}

/* A kernel thread that is listed among ours. */

static void *nothing(void *unused)
{
	return unused;
}

static void poll_ring(int unused)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL};
	pthread_t thread;

	(void)unused;
	if (pthread_create(&thread, NULL, nothing, NULL) ||
	    pthread_join(thread, NULL)) /* libc counts threads from now on */
		_exit(NOT_PERMITTED);
	if (syscall(SYS_io_uring_setup, 4, &params) < 0)
		_exit(NOT_PERMITTED);
	expect_each("io_uring", "here", BEGET_CALL(answer));
}

static void io_uring(void)
{
	if (!in_copy(poll_ring, 0))
		skip();
}

static const struct piece *piece_at(int index)
{
	(void)index;
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct unit more[] = {
		UNIT(without_null), UNIT(without_execveat), UNIT(long_string), UNIT(too_large),
		UNIT(title),        UNIT(io_uring),
	};

	beget_init(argc, argv);
	arguments = argv;
	return run_matrix(0, more, sizeof(more) / sizeof(*more));
}
