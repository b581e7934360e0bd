/* Input that the caller has read into a stream's buffer but not used: with fork, the child continues reading there;
 * with the other methods it stays the caller's. A child never reads from a buffer data that do not belong to its
 * descriptor. */
#include "harness.h"
#include "servers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

/* Between these two calls, the caller's standard input is this text, and stdin is empty. */

static int saved_input = -1;

static int text_file(const char *text)
{
	char path[] = "/tmp/beget-input-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void begin_input(const char *text)
{
	int fd = text_file(text);

	saved_input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
}

static void end_input(void)
{
	while (getchar() != EOF)
		;
	clearerr(stdin);
	dup2(saved_input, STDIN_FILENO);
	close(saved_input);
}

static const char *line_of(FILE *file)
{
	static char line[100];

	return fgets(line, sizeof(line), file) ? line : "end of file";
}

static const char *next_line(void)
{
	return line_of(stdin);
}

static FILE *opened;

static const char *next_line_of_opened(void)
{
	return line_of(opened);
}

static const char *next_wide_line(void)
{
	static char line[100];
	wchar_t wide[100];

	if (!fgetws(wide, 100, opened))
		return "end of file";
	for (size_t i = 0; (line[i] = (char)wide[i]); i++)
		;
	return line;
}

static void stdin_that_was_read(enum beget_method method)
{
	begin_input("one\ntwo\nthree\n");
	assert_string_equal(next_line(), "one\n");
	/* The buffer holds all: a new image reads from the descriptor, which is at its end. */
	const char *want = method == BEGET_FORK ? "two\n" : "end of file";
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(next_line)), want);
	assert_string_equal(next_line(), "two\n");
	assert_string_equal(next_line(), "three\n");
	end_input();
}

static void file_that_was_read(enum beget_method method)
{
	opened = fdopen(text_file("one\ntwo\nthree\n"), "r");
	assert_string_equal(next_line_of_opened(), "one\n");
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(next_line_of_opened)),
	                    "two\n");
	assert_string_equal(next_line_of_opened(), "two\n");
	ungetc('x', opened);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(next_line_of_opened)),
	                    "xthree\n");
	assert_string_equal(next_line_of_opened(), "xthree\n");
	fclose(opened);

	opened = fdopen(text_file("one\ntwo\n"), "r");
	assert_string_equal(next_wide_line(), "one\n");
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(next_wide_line)), "two\n");
	assert_string_equal(next_wide_line(), "two\n");
	fclose(opened);
}

/* A stream for both: output that has not been flushed stays only the caller's. */
static void file_that_was_read_and_written(enum beget_method method)
{
	if (method == BEGET_FORK)
		not_with_musl("it does not list its streams");
	char text[40] = "";
	int fd = text_file("one\n");

	opened = fdopen(fd, "r+");
	assert_string_equal(next_line_of_opened(), "one\n");
	assert_int_equal(fseek(opened, 0, SEEK_END), 0);
	fputs("two\n", opened);
	expect_exit(start(method, BEGET_CALL(next_line_of_opened)), 0);
	fflush(opened);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	fclose(opened);
}

/* Another input is read from its beginning, not after the rest of the caller's or its end-of-file state. */
static void other_input(enum beget_method method)
{
	begin_input("one\ntwo\n");
	for (const char *line; (line = next_line()) && line[0] != 'e';) {
		int other = text_file("other\n");
		struct beget_options o = {.size = sizeof(o), .method = method, .in = BEGET_STREAM_FD(other)};
		assert_string_equal(text_result_with(&o, BEGET_CALL(next_line)), "other\n");
		close(other);
	}
	int other = text_file("other\n");
	assert_string_equal(
		text_result_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_FD(other)), BEGET_CALL(next_line)),
		"other\n");
	close(other);
	end_input();
}

/* The caller's own input, passed explicitly. */
static void own_input(enum beget_method method)
{
	begin_input("one\ntwo\n");
	assert_string_equal(next_line(), "one\n");
	const char *want = method == BEGET_FORK ? "two\n" : "end of file";
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .in = BEGET_STREAM_FD(STDIN_FILENO)),
	                                     BEGET_CALL(next_line)),
	                    want);
	end_input();
}

/* The input that a prepare call has left unread is not read by children. */

static int reads_lines(int n)
{
	while (n-- > 0)
		next_line();
	return 0;
}

static void input_of_a_prepare_call(enum beget_method method)
{
	for (int lines = 1; lines < 4; lines++) {
		begin_input("one\ntwo\n");
		struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(reads_lines, lines)));
		int other = text_file("other\n");
		assert_string_equal(
			text_result_with(BEGET_OPTIONS(.method = method, .server = s, .in = BEGET_STREAM_FD(other)),
		                         BEGET_CALL(next_line)),
			"other\n");
		close(other);
		beget_server_close(s);
		end_input();
	}
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(stdin_that_was_read),
		BEHAVIOUR_OF(file_that_was_read, BY(BEGET_FORK)),
		BEHAVIOUR_OF(file_that_was_read_and_written, BY(BEGET_FORK)),
		BEHAVIOUR(other_input),
		BEHAVIOUR(own_input),
		BEHAVIOUR_OF(input_of_a_prepare_call, BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
