/* beget_explain describes what a start would do, and a refusal with the sentence of the start itself. */
#include "library.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct point {
	double x, y;
};

static int everything(int n, const char *s, const struct point *p, struct beget_bytes bytes, struct beget_fd fd, bool b)
{
	return n + (int)strlen(s) + (int)p->x + (int)bytes.size + fd.fd + b;
}

static char text[8192];

static const char *explain(const struct beget_options *options, const struct beget_call *call)
{
	memset(text, 'x', sizeof(text));
	int n = beget_explain(options, call, text, sizeof(text));

	assert_true(n > 0 && n < (int)sizeof(text));
	assert_int_equal(strlen(text), n);
	assert_int_equal(text[n - 1], '\n');
	return text;
}

/* Expects a whole line, or the beginning of one. */
static void expect_line(const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++)
		if (at == text || at[-1] == '\n')
			return;
	fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void expect_no_line(const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++)
		if (at == text || at[-1] == '\n')
			fail_msg("a line \"%s\" in:\n%s", line, text);
}

static void a_call(enum beget_method method)
{
	static const char *const ways[] = {"in band", "in band", "in the copied memory"};
	struct point p = {1, 2};
	char line[200], program[4096] = "";

	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	explain(BEGET_OPTIONS(.method = method),
	        BEGET_CALL(everything, 1, "four", &p, BEGET_BYTES("123", (size_t)3), BEGET_FD(0), (bool)true));
	expect_line("calls everything, at 0x");
	assert_non_null(strstr(text, program));
	assert_non_null(strstr(text, ", build-id "));
#ifdef __GLIBC__ /* musl's libc is its loader, and no module needs it by the name of the loader's file */
	assert_non_null(strstr(text, "libc.so.6, build-id "));
#endif
	assert_non_null(strstr(text, ", already loaded\n"));
	assert_null(strstr(text, "will be loaded"));
	expect_line(method == BEGET_FORK         ? "with fork, in a copy of this process\n"
	            : method == BEGET_FORKSERVER ? "with forkserver, in a copy of a helper that executes /"
	                                         : "with spawn, in a process that executes /");
	static const char *const lines[] = {
		"argument 1: int, 4 bytes, %s\n",
		"argument 2: const char *, 5 bytes, %s\n",
		"argument 3: pointer to an object, 16 bytes, %s\n",
		"argument 4: struct beget_bytes, 3 bytes, %s\n",
		"argument 6: bool, 1 byte, %s\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(line, sizeof(line), lines[i], ways[method]);
		expect_line(line);
	}
	expect_line(method == BEGET_FORK ? "argument 5: struct beget_fd, number 0, in the copied memory\n"
	                                 : "argument 5: struct beget_fd, number 0, as a descriptor\n");
	expect_line("result: int\n");
	expect_no_line("refused");
	if (method == BEGET_FORK)
		expect_no_line("message: ");
	else
		expect_line("message: ");
}

static int length(struct beget_bytes bytes)
{
	return (int)bytes.size;
}

static int first_length(char *const *strings)
{
	return (int)strlen(strings[0]);
}

static void large_arguments(enum beget_method method)
{
	static char large[100000];
	char *strings[] = {large, large, NULL};

	explain(BEGET_OPTIONS(.method = method), BEGET_CALL(first_length, strings));
	assert_non_null(strstr(text, "argument 1: char *const *, 2 strings, "));
	explain(BEGET_OPTIONS(.method = method), BEGET_CALL(length, BEGET_BYTES(large, sizeof(large))));
	expect_line(method == BEGET_FORK ? "argument 1: struct beget_bytes, 100000 bytes, in the copied memory\n"
	                                 : "argument 1: struct beget_bytes, 100000 bytes, in a memory file\n");
}

struct pair {
	int a;
	double b;
};

static struct pair swap(struct pair p, struct beget_buffer *shared, int (*f)(struct beget_bytes), double *out,
                        int *both, void *raw)
{
	(void)shared, (void)f, (void)raw;
	*out = p.a;
	*both = 1;
	return p;
}

static void other_types(enum beget_method method)
{
	struct beget_buffer *buffer;
	struct pair p = {1, 2};
	double out;
	int both = 3;
	bool fork = method == BEGET_FORK;

	assert_int_equal(beget_buffer_create(&buffer, 5000), 0);
	const struct beget_layout *pair =
		BEGET_LAYOUT(struct pair, BEGET_MEMBER(struct pair, a), BEGET_MEMBER(struct pair, b));
	explain(BEGET_OPTIONS(.method = method),
	        BEGET_RETURNS(pair, BEGET_CALL(swap, BEGET_STRUCT(pair, p), buffer, length, BEGET_OUT(&out),
	                                       BEGET_INOUT(&both), BEGET_NULL(void *))));
	beget_buffer_free(buffer);
	expect_line(fork ? "argument 1: struct by value, 16 bytes, in the copied memory\n"
	                 : "argument 1: struct by value, 16 bytes, in band\n");
	expect_line(fork ? "argument 2: struct beget_buffer *, 5000 bytes, in the copied memory\n"
	                 : "argument 2: struct beget_buffer *, 5000 bytes, as a descriptor\n");
	expect_line("argument 3: pointer to a function, length, at 0x");
	expect_line(fork ? "argument 4: pointer to an object, 8 bytes (sent back), in the copied memory\n"
	                 : "argument 4: pointer to an object, 8 bytes (sent back), in band\n");
	expect_line(fork ? "argument 5: pointer to an object, 4 bytes (sent both ways), in the copied memory\n"
	                 : "argument 5: pointer to an object, 4 bytes (sent both ways), in band\n");
	expect_line("argument 6: void *, NULL, ");
	expect_line("result: struct by value\n");
	expect_no_line("refused");
}

static void a_library(enum beget_method method)
{
	void *library = load(built("needs.so"));
	char line[4300];
	struct beget_call call = {.function = symbol(library, "needs_number"), .result = BEGET_TYPE_INT};

	explain(BEGET_OPTIONS(.method = method), &call);
	expect_line("calls needs_number, at 0x");
	snprintf(line, sizeof(line), "needs %s, build-id ", built("dep.so"));
	expect_line(line);
	const char *dependency = strstr(text, line);
	snprintf(line, sizeof(line), "needs %s, build-id ", built("needs.so"));
	expect_line(line);
	assert_true(dependency < strstr(text, line)); /* in the order of loading */
	if (method == BEGET_FORK)
		assert_null(strstr(text, "will be loaded"));
	else
		assert_non_null(strstr(strstr(text, line), ", will be loaded in the child\n"));
	expect_no_line("refused");
	dlclose(library);
	library = load(built("no_build_id.so"));
	call.function = symbol(library, "plain_seven");
	explain(BEGET_OPTIONS(.method = method), &call);
	assert_non_null(strstr(text, "no_build_id.so, no build-id, hash "));
	dlclose(library);
}

/* The last line is the sentence of beget_start. */
static void expect_refusal(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p = NULL;
	char line[400];

	assert_true(beget_start(&p, options, call) < 0);
	snprintf(line, sizeof(line), "refused: %s\n", beget_error());
	explain(options, call);
	assert_true(strlen(text) >= strlen(line));
	assert_string_equal(text + strlen(text) - strlen(line), line);
}

static void refusals(enum beget_method method)
{
	int one = 1;
	void *raw = &one;
	struct beget_fd closed = {987654};
	struct beget_arg args[] = {{.type = BEGET_TYPE_FD, .value = &closed},
	                           {.type = BEGET_TYPE_RAW, .value = &raw},
	                           {.type = 99, .value = &one},
	                           {.type = BEGET_TYPE_INT, .value = NULL}};
	struct beget_call call = {
		.function = (void (*)(void))everything, .result = BEGET_TYPE_INT, .n = 1, .args = args};

	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	expect_line("argument 1: struct beget_fd, number 987654, ");
	expect_line("calls everything, at 0x");
	call.args = args + 1;
	if (method != BEGET_FORK)
		expect_refusal(BEGET_OPTIONS(.method = method), &call);
	call.args = args + 2;
	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	expect_line("argument 1: of an unknown type\n");
	call.args = args + 3;
	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	expect_line("argument 1: without a value\n");
	call.n = 0;
	call.result = 99;
	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	expect_refusal(BEGET_OPTIONS(.method = method), NULL);
	call = (struct beget_call){.function = NULL, .result = BEGET_TYPE_INT};
	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	call = (struct beget_call){.function = (void (*)(void))everything, .result = BEGET_TYPE_INT, .n = 3};
	expect_refusal(BEGET_OPTIONS(.method = method), &call);
	call.n = 0;
	expect_refusal(BEGET_OPTIONS(.method = (enum beget_method)(method + 3)), &call);
	expect_refusal(BEGET_OPTIONS(.method = method, .flags = 0x4000000), &call);
	if (method != BEGET_FORK) {
		call.function = (void (*)(void))(uintptr_t)&args;
		expect_refusal(BEGET_OPTIONS(.method = method), &call);
		expect_line("calls code at 0x");
	}
}

static void a_file_that_is_gone(enum beget_method method)
{
	char command[4400], path[] = "/tmp/beget_explain.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "cp %s %s", built("plugin.so"), path);
	assert_int_equal(system(command), 0);
	void *library = load(path);
	unlink(path);
	struct beget_call call = {.function = symbol(library, "plugin_number"), .result = BEGET_TYPE_INT};
	if (method == BEGET_FORK) {
		explain(BEGET_OPTIONS(.method = method), &call);
		expect_no_line("refused");
	} else {
		expect_refusal(BEGET_OPTIONS(.method = method), &call);
	}
	dlclose(library);
}

static void *explains_fork(void *refused)
{
	char line[8192];

	beget_explain(BEGET_OPTIONS(.method = BEGET_FORK), BEGET_CALL(length, BEGET_BYTES("", (size_t)0)), line,
	              sizeof(line));
	*(bool *)refused = strstr(line, "refused: caller: cannot fork: ") != NULL;
	return NULL;
}

static void fork_among_threads(enum beget_method method)
{
	bool refused = false;
	pthread_t t;

	(void)method;
	assert_int_equal(pthread_create(&t, NULL, explains_fork, &refused), 0);
	pthread_join(t, NULL);
	assert_true(refused);
}

static void like_snprintf(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method);
	const struct beget_call *call = BEGET_CALL(length, BEGET_BYTES("12", (size_t)2));
	char whole[8192], little[100];

	int n = beget_explain(o, call, whole, sizeof(whole));
	assert_true(n > 100);
	assert_int_equal(beget_explain(o, call, NULL, 0), n);
	memset(little, 'x', sizeof(little));
	assert_int_equal(beget_explain(o, call, little, 50), n);
	assert_int_equal(strlen(little), 49);
	assert_memory_equal(little, whole, 49);
	assert_int_equal(little[50], 'x');
	assert_int_equal(beget_explain(o, call, NULL, 10), -EINVAL);
	assert_non_null(strstr(beget_error(), "cannot explain"));
	/* Describing a refusal is not a failure. */
	assert_true(beget_explain(o, NULL, whole, sizeof(whole)) > 0);
	assert_non_null(strstr(beget_error(), "cannot explain"));
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(a_call),
		BEHAVIOUR(large_arguments),
		BEHAVIOUR(other_types),
		BEHAVIOUR(a_library),
		BEHAVIOUR(refusals),
		BEHAVIOUR(a_file_that_is_gone),
		BEHAVIOUR_OF(fork_among_threads, BY(BEGET_FORK)),
		BEHAVIOUR(like_snprintf),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
