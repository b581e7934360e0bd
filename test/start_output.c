/* What caller and target print: every text appears once, in whichever process it was buffered and however the target
 * ends. Exit handlers of the target run, inherited ones do not. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An unnamed file; and its contents. */

static int temporary(void)
{
	char path[] = "/tmp/beget-output-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static const char *content(int fd)
{
	static char text[4096];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void expect_once(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	if (!at || strstr(at + 1, word))
		fail_msg("\"%s\" is not once in \"%s\"", word, text);
}

/* Between these two calls, standard output goes to the file. */

static int redirect(int to)
{
	fflush(stdout);
	int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(saved > 2);
	if (to >= 0)
		assert_int_equal(dup2(to, STDOUT_FILENO), STDOUT_FILENO);
	else
		close(STDOUT_FILENO);
	return saved;
}

static void restore(int saved)
{
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

enum { RETURN, EXIT, EXIT_NOW };

static void leave(int way)
{
	if (way == EXIT)
		exit(0);
	if (way == EXIT_NOW)
		_exit(0);
}

static void prints(int way)
{
	printf("target ");
	leave(way);
}

static const char *printed(enum beget_method method, int way)
{
	int file = temporary(), saved = redirect(file);

	printf("caller ");
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(prints, way));
	if (!error)
		error = beget_join(p, 10000, NULL);
	restore(saved);
	assert_int_equal(error, 0);
	expect_exit(p, 0);
	return content(file);
}

static void standard_output(enum beget_method method)
{
	assert_string_equal(printed(method, RETURN), "target caller ");
	assert_string_equal(printed(method, EXIT), "target caller ");
	assert_string_equal(printed(method, EXIT_NOW), "caller ");
}

static void a_file_of_the_caller(enum beget_method method)
{
	int file = temporary();
	FILE *f = fdopen(dup(file), "w");

	if (method == BEGET_FORK)
		not_with_musl("its exit writes what the caller had buffered");
	assert_non_null(f);
	fputs("caller", f);
	expect_exit(start(method, BEGET_CALL(leave, RETURN)), 0);
	expect_exit(start(method, BEGET_CALL(leave, EXIT)), 0);
	fputs(" goes on", f);
	fclose(f);
	assert_string_equal(content(file), "caller goes on");
}

static void writes(struct beget_fd out, int way)
{
	FILE *f = fdopen(out.fd, "w");

	printf("to a closed stream, where there is one");
	if (f)
		fputs("target", f);
	leave(way);
}

static const char *written(enum beget_method method, int way)
{
	int file = temporary();

	expect_exit(start(method, BEGET_CALL(writes, BEGET_FD(file), way)), 0);
	return content(file);
}

static void a_file_of_the_target(enum beget_method method)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = redirect(null);
	char text[2][20];

	snprintf(text[0], sizeof(text[0]), "%s", written(method, RETURN));
	snprintf(text[1], sizeof(text[1]), "%s", written(method, EXIT));
	restore(saved);
	close(null);
	assert_string_equal(text[1], "target");
	not_with_musl("it does not list its streams, so a target that returns must write their contents");
	assert_string_equal(text[0], "target");
}

static void standard_output_is_closed(enum beget_method method)
{
	not_with_musl("it does not list its streams, so a target that returns must write their contents");
	int file = temporary(), saved = redirect(-1);
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(writes, BEGET_FD(file), RETURN));

	if (!error)
		error = beget_join(p, 10000, NULL);
	restore(saved);
	assert_int_equal(error, 0);
	expect_exit(p, 0);
	assert_string_equal(content(file), "target");
}

/* The caller's read-ahead stays its own: a child that exits must not move the position of the file. */
static void a_file_that_the_caller_reads(enum beget_method method)
{
	int file = temporary();
	char line[20];

	if (method == BEGET_FORK)
		not_with_musl("its exit moves the position of the caller's file");
	assert_int_equal(write(file, "one\ntwo\nthree\n", 14), 14);
	lseek(file, 0, SEEK_SET);
	FILE *f = fdopen(file, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	off_t before = lseek(file, 0, SEEK_CUR);
	expect_exit(start(method, BEGET_CALL(leave, RETURN)), 0);
	expect_exit(start(method, BEGET_CALL(leave, EXIT)), 0);
	assert_int_equal(lseek(file, 0, SEEK_CUR), before);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "two\n");
	fclose(f);
}

/* Exit handlers write to the file that the environment names. In the caller they write nothing. */

static void note(const char *text)
{
	const char *path = getenv("START_OUTPUT_NOTES");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		abort();
	if (fd >= 0)
		close(fd);
}

static void inherited_handler(void)
{
	note("inherited ");
}

static void of_the_caller(void)
{
	note("caller ");
}

static void first(void)
{
	note("first ");
	printf("printed by a handler");
}

static void second(void)
{
	note("second ");
}

static void quick(void)
{
	note("quick ");
}

__attribute__((constructor)) static void early(void)
{
	atexit(inherited_handler);
}

__attribute__((destructor)) static void late(void)
{
	note("destructor ");
}

static void registers(int way)
{
	atexit(first);
	atexit(second);
	leave(way);
}

static void registers_quick(void)
{
	at_quick_exit(quick);
	quick_exit(0);
}

static const char *notes(enum beget_method method, const struct beget_call *call)
{
	char path[] = "/tmp/beget-notes-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC);

	assert_true(file >= 0);
	setenv("START_OUTPUT_NOTES", path, 1);
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), call);
	unsetenv("START_OUTPUT_NOTES");
	if (!error)
		expect_exit(p, 0);
	unlink(path);
	assert_int_equal(error, 0);
	return content(file);
}

static void exit_handlers(enum beget_method method)
{
	int file = temporary(), saved = redirect(file);
	char text[4][100];

	snprintf(text[0], sizeof(text[0]), "%s", notes(method, BEGET_CALL(registers, RETURN)));
	snprintf(text[1], sizeof(text[1]), "%s", notes(method, BEGET_CALL(registers, EXIT)));
	snprintf(text[2], sizeof(text[2]), "%s", notes(method, BEGET_CALL(registers, EXIT_NOW)));
	snprintf(text[3], sizeof(text[3]), "%s", notes(method, BEGET_CALL(registers_quick)));
	restore(saved);
	assert_string_equal(content(file), "printed by a handlerprinted by a handler");
	assert_string_equal(text[0], "second first ");
	assert_string_equal(text[2], "");
	assert_string_equal(text[3], "quick ");
	not_with_musl("its exit also runs the handlers that the caller had registered");
	assert_string_equal(text[1], "second first ");
}

/* Much more than a buffer holds, from several processes, and no part of it twice. */

static void prints_lines(int who)
{
	for (int i = 0; i < 100; i++)
		printf("<%d %d>\n", who, i);
}

static void many_lines(enum beget_method method)
{
	int file = temporary(), saved = redirect(file);
	struct beget_process *p[3] = {NULL};
	char word[20];

	printf("<caller>");
	for (int i = 0; i < 3; i++)
		p[i] = start(method, BEGET_CALL(prints_lines, i));
	for (int i = 0; i < 3; i++)
		beget_join(p[i], 10000, NULL);
	restore(saved);
	for (int i = 0; i < 3; i++)
		expect_exit(p[i], 0);
	const char *text = content(file);
	expect_once(text, "<caller>");
	for (int i = 0; i < 300; i++) {
		snprintf(word, sizeof(word), "<%d %d>\n", i / 100, i % 100);
		expect_once(text, word);
	}
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(standard_output),
		BEHAVIOUR(a_file_of_the_caller),
		BEHAVIOUR(a_file_of_the_target),
		BEHAVIOUR(standard_output_is_closed),
		BEHAVIOUR(a_file_that_the_caller_reads),
		BEHAVIOUR(exit_handlers),
		BEHAVIOUR(many_lines),
	};

	beget_init(argc, argv);
	atexit(of_the_caller);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
