/* The failure record: a sentence that names who, what and why, truncated at the end of the record, one for each thread.
 * The trace line is written at once and preserves errno. */
#include "os/fail.h"
#include "os/trace.h"
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void before_any_failure(void)
{
	assert_string_equal(beget_error(), "no failure");
}

static void a_sentence(void)
{
	assert_int_equal(beget__fail_errno(ENOENT, "cannot open %s", "it"), -ENOENT);
	assert_string_equal(beget_error(), "caller: cannot open it: No such file or directory");
	assert_int_equal(beget__fail_last()->code, -ENOENT);
	assert_int_equal(beget__fail(EINVAL, "argument %d: not so", 3), -EINVAL);
	assert_string_equal(beget_error(), "caller: argument 3: not so");
	assert_int_equal(beget__fail_last()->code, -EINVAL);
	beget__fail_errno(100000, "what is that");
	assert_non_null(strstr(beget_error(), "what is that: "));
}

static void who_it_was(void)
{
	beget__trace_role = "helper";
	beget__fail_errno(ENOMEM, "x");
	beget__trace_role = "caller";
	char expected[100];
	snprintf(expected, sizeof(expected), "helper: x: %s", strerror(ENOMEM));
	assert_string_equal(beget_error(), expected);
}

/* Around the record's size, with and without the meaning of an errno at the end. */
static void cut_at_the_end(void)
{
	enum { ROOM = sizeof(((struct beget__failure *)NULL)->text) };
	char longer[2 * ROOM];

	memset(longer, 'y', sizeof(longer));
	for (int n = ROOM - 60; n < 2 * ROOM; n++) {
		char whole[3 * ROOM];
		snprintf(whole, sizeof(whole), "caller: %.*s: %s", n, longer, strerror(ENOMEM));
		beget__fail_errno(ENOMEM, "%.*s", n, longer);
		if (strlen(whole) < ROOM) {
			assert_string_equal(beget_error(), whole);
		} else {
			assert_int_equal(strlen(beget_error()), ROOM - 1);
			assert_string_equal(beget_error() + ROOM - 4, "...");
			assert_memory_equal(beget_error(), whole, ROOM - 4);
		}
		snprintf(whole, sizeof(whole), "caller: %.*s", n, longer);
		beget__fail(ENOMEM, "%.*s", n, longer);
		if (strlen(whole) < ROOM)
			assert_string_equal(beget_error(), whole);
		else
			assert_string_equal(beget_error() + ROOM - 4, "...");
	}
}

static void from_another_process(void)
{
	struct beget__failure failure = {-EAGAIN, "helper: no"};

	assert_int_equal(beget__fail_again(&failure), -EAGAIN);
	assert_string_equal(beget_error(), "helper: no");
	memset(failure.text, 'z', sizeof(failure.text));
	beget__fail_again(&failure);
	assert_int_equal(strlen(beget_error()), sizeof(failure.text) - 1);
}

static void *fail_elsewhere(void *seen)
{
	*(bool *)seen = strcmp(beget_error(), "no failure") == 0;
	beget__fail(EIO, "elsewhere");
	return strstr(beget_error(), "elsewhere") ? seen : NULL;
}

static void each_thread_its_own(void)
{
	bool fresh = false;
	void *heard;
	pthread_t thread;

	beget__fail(EIO, "here");
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &fresh), 0);
	pthread_join(thread, &heard);
	assert_true(fresh && heard);
	assert_string_equal(beget_error(), "caller: here");
}

/* What the trace has written since the last call. */
static const char *traced(int fd)
{
	static char text[2000];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void trace_lines(void)
{
	char expected[100], longer[1000];
	int pipes[2];

	memset(longer, 'x', sizeof(longer));
	assert_int_equal(pipe(pipes), 0);
	beget__trace("into nothing");
	beget__trace_fd = pipes[1];
	errno = ERANGE;
	beget__trace("child %d", 5);
	assert_int_equal(errno, ERANGE);
	snprintf(expected, sizeof(expected), "beget[%d] caller: child 5\n", (int)getpid());
	assert_string_equal(traced(pipes[0]), expected);
	for (int n = 360; n < 420; n++) {
		beget__trace("%.*s", n, longer);
		const char *line = traced(pipes[0]);
		assert_true(strlen(line) <= 400);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
	beget__fail(EIO, "traced");
	assert_non_null(strstr(traced(pipes[0]), "caller: failed: caller: traced\n"));
	close(pipes[1]);
	errno = ERANGE;
	beget__trace("to a closed descriptor");
	assert_int_equal(errno, ERANGE);
	beget__trace_fd = -1;
	close(pipes[0]);
}

static void trace_switch(void)
{
	static const char *const off[] = {"", "0", "2", "11", "yes"};

	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
		setenv("BEGET_TRACE", off[i], 1);
		beget__trace_init();
		assert_int_equal(beget__trace_fd, -1);
	}
	unsetenv("BEGET_TRACE");
	beget__trace_init();
	assert_int_equal(beget__trace_fd, -1);
	setenv("BEGET_TRACE", "1", 1);
	beget__trace_init();
	assert_int_equal(beget__trace_fd, STDERR_FILENO);
	beget__trace_fd = -1;
	unsetenv("BEGET_TRACE");
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(before_any_failure),   UNIT(a_sentence),          UNIT(who_it_was),  UNIT(cut_at_the_end),
		UNIT(from_another_process), UNIT(each_thread_its_own), UNIT(trace_lines), UNIT(trace_switch),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
