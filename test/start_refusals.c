/* Starts that cannot work are refused before a process exists: with the documented error, a sentence that names the
 * problem, and the output untouched. A problem that only the child can find is an outcome with a reason. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ffi.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int add(int a, int b)
{
	return a + b;
}

static void (*const target)(void) = (void (*)(void))add;

/* Expects this error, and a sentence with these words. */
static void expect_refused(const struct beget_options *options, const struct beget_call *call, int error,
                           const char *words)
{
	struct beget_process *untouched = (struct beget_process *)&untouched, *p = untouched;
	int got = beget_start(&p, options, call);

	if (got != error)
		fail_msg("%d, not %d: %s", got, error, beget_error());
	assert_ptr_equal(p, untouched);
	if (!strstr(beget_error(), words))
		fail_msg("\"%s\" is not in \"%s\"", words, beget_error());
	assert_int_equal(strncmp(beget_error(), "caller: ", 8), 0);
}

/* Options. */

static void unknown_options(enum beget_method method)
{
	struct beget_options o = {.size = sizeof(o), .method = method};

	o.method = (enum beget_method)3;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "start method 3");
	o.method = (enum beget_method) - 1;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "start method");
	o.method = method;
	o.flags = 0x80000001u;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "flags 0x80000000");
	o.flags = 0;
	o.limit_ms = -1;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "limit_ms is negative: -1");
	o.limit_ms = 0;
	o.timeout_ms = -2;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "timeout_ms is negative: -2");
	o.timeout_ms = 0;
	o.size = 0;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "size");
	o.size = sizeof(o) - 1;
	expect_refused(&o, BEGET_CALL(add, 1, 2), -EINVAL, "size");
}

static void newer_options(enum beget_method method)
{
	struct {
		struct beget_options o;
		char more[64];
	} newer;

	memset(&newer, 0, sizeof(newer));
	newer.o.size = sizeof(newer);
	newer.o.method = method;
	struct beget_process *p = start_with(&newer.o, BEGET_CALL(add, 1, 2));
	expect_exit(p, 0);
	for (size_t i = 0; i < sizeof(newer.more); i += 21) {
		newer.more[i] = 1;
		expect_refused(&newer.o, BEGET_CALL(add, 1, 2), -E2BIG, BEGET_VERSION);
		newer.more[i] = 0;
	}
}

/* Calls. */

static void nothing_to_call(enum beget_method method)
{
	struct beget_call call = {.function = NULL, .result = BEGET_TYPE_INT};

	assert_int_equal(beget_start(NULL, BEGET_OPTIONS(.method = method), BEGET_CALL(add, 1, 2)), -EINVAL);
	assert_non_null(strstr(beget_error(), "ret is NULL"));
	expect_refused(BEGET_OPTIONS(.method = method), NULL, -EINVAL, "call is NULL");
	expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL, "function");
	call = (struct beget_call){.function = target, .result = BEGET_TYPE_INT, .n = 2, .args = NULL};
	expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL, "2 arguments, but args is NULL");
}

static void wrong_results(enum beget_method method)
{
	static const struct {
		unsigned type;
		const char *name;
	} wrong[] = {
		{BEGET_TYPE_OBJECT, "return a pointer to an object"},
		{BEGET_TYPE_FD, "return a struct beget_fd"},
		{BEGET_TYPE_RAW, "return a void *"},
		{BEGET_TYPE_FUNCTION, "return a pointer to a function"},
		{BEGET_TYPE_STRINGS + 1, "return an unknown type"},
		{~0u, "return an unknown type"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct beget_call call = {.function = target, .result = wrong[i].type};
		expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL, wrong[i].name);
	}
}

static void expect_refused_argument(enum beget_method method, struct beget_arg arg, int error, const char *words)
{
	int one = 1;
	struct beget_arg args[2] = {{.type = BEGET_TYPE_INT, .value = &one}, arg};
	struct beget_call call = {.function = target, .result = BEGET_TYPE_INT, .n = 2, .args = args};

	expect_refused(BEGET_OPTIONS(.method = method), &call, error, words);
	assert_non_null(strstr(beget_error(), "argument 2"));
}

static void wrong_arguments(enum beget_method method)
{
	int one = 1;
	const int *object = &one;
	struct beget_bytes bytes = {NULL, 5};
	struct beget_fd fd = {-1};

	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_INT, .value = NULL}, -EINVAL,
	                        "value is NULL");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_INT, .flags = 1, .value = &one}, -EINVAL,
	                        "flags 0x1");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_VOID, .value = &one}, -EINVAL,
	                        "unknown type");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_STRINGS + 1, .value = &one}, -EINVAL,
	                        "unknown type");
	expect_refused_argument(method, (struct beget_arg){.type = ~0u, .value = &one}, -EINVAL, "unknown type");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_OBJECT, .value = &object}, -EINVAL,
	                        "size");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_BYTES, .value = &bytes}, -EINVAL,
	                        "data is NULL");
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_FD, .value = &fd}, -EBADF,
	                        "descriptor -1");
	fd.fd = 987654;
	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_FD, .value = &fd}, -EBADF,
	                        "descriptor 987654");
}

/* Flags that are invalid for the type, and impossible sizes. */
static void wrong_flags_and_sizes(enum beget_method method)
{
	static const unsigned flags[] = {BEGET_ARG_OUT | BEGET_ARG_INOUT, 0x8, 0x80000000u, BEGET_ARG_OUT | 0x10};
	static const unsigned types[] = {BEGET_TYPE_STRING, BEGET_TYPE_BYTES, BEGET_TYPE_FD, BEGET_TYPE_BUFFER,
	                                 BEGET_TYPE_FUNCTION};
	int one = 1;
	void *object = &one;
	char words[40];

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		snprintf(words, sizeof(words), "flags 0x%x are not", flags[i]);
		expect_refused_argument(
			method,
			(struct beget_arg){.type = BEGET_TYPE_OBJECT, .flags = flags[i], .size = 4, .value = &object},
			-EINVAL, words);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		expect_refused_argument(method,
		                        (struct beget_arg){.type = types[i], .flags = BEGET_ARG_OUT, .value = &object},
		                        -EINVAL, "flags 0x1");
	expect_refused_argument(
		method,
		(struct beget_arg){.type = BEGET_TYPE_OBJECT, .size = (size_t)PTRDIFF_MAX + 1, .value = &object},
		-EINVAL, "exceeds the address space");
}

static void takes_memory(int a, int *n)
{
	*n = a;
}

static void reads_memory(int a, const int *n)
{
	(void)a, (void)n;
}

static void sizes_that_overflow(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method);
	int n = 3;

	expect_refused(o, BEGET_CALL(takes_memory, 1, BEGET_OUT(&n, SIZE_MAX)), -EINVAL,
	               "argument 2: the size of the object exceeds the address space");
	expect_refused(o, BEGET_CALL(takes_memory, 1, BEGET_INOUT(&n, SIZE_MAX / 4 + 2)), -EINVAL,
	               "exceeds the address space");
	expect_refused(o, BEGET_CALL(reads_memory, 1, BEGET_IN(&n, (size_t)1 << 63)), -EINVAL,
	               "exceeds the address space");
	assert_int_equal(n, 3);
}

struct held {
	int n;
	const char *text;
};

static void takes_held(int a, struct held h)
{
	(void)a, (void)h;
}

static struct held gives_held(void)
{
	return (struct held){1, NULL};
}

static void wrong_layouts(enum beget_method method)
{
	const struct beget_options *o = BEGET_OPTIONS(.method = method);
	const struct beget_layout *half = BEGET_LAYOUT(struct held, BEGET_MEMBER(struct held, n));
	const struct beget_layout *good =
		BEGET_LAYOUT(struct held, BEGET_MEMBER(struct held, n), BEGET_MEMBER(struct held, text));
	const struct beget_layout *none = NULL;
	struct held h = {1, "text"};
	const char *words = "argument 2: the layout of the struct is wrong: ";

	expect_refused(o, BEGET_CALL(takes_held, 1, BEGET_STRUCT(half, h)), -EINVAL, words);
	expect_refused(o, BEGET_CALL(takes_held, 1, BEGET_STRUCT(none, h)), -EINVAL, "is wrong: layout is NULL");
	expect_refused(o, BEGET_CALL(gives_held), -EINVAL, "returns a struct without a layout (use BEGET_RETURNS)");
	expect_refused(o, BEGET_RETURNS(half, BEGET_CALL(gives_held)), -EINVAL,
	               "the result: the layout of the struct is wrong: its alignment");
	if (method == BEGET_FORK)
		return;
	expect_refused(o, BEGET_CALL(takes_held, 1, BEGET_STRUCT(good, h)), -EOPNOTSUPP,
	               "argument 2: a struct that contains pointers can be passed only with fork");
	expect_refused(o, BEGET_RETURNS(good, BEGET_CALL(gives_held)), -EOPNOTSUPP,
	               "the result: a struct that contains pointers can be passed only with fork");
}

static void wrong_calls(enum beget_method method)
{
	int one = 1;
	struct beget_arg args[2] = {{.type = BEGET_TYPE_INT, .value = &one}, {.type = BEGET_TYPE_INT, .value = &one}};
	struct beget_call call = {.function = target, .result = BEGET_TYPE_INT, .n = 2, .args = args, .named = 3};

	expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL,
	               "at least 3 arguments for the named parameters, not 2");
	call.named = ~0u;
	expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL, "named parameters, not 2");
	call.named = 0;
	call.flags = 0x40;
	expect_refused(BEGET_OPTIONS(.method = method), &call, -EINVAL, "unknown flags 0x40");
}

static int applies(int a, int (*f)(int))
{
	return f(a);
}

/* for fork see test/start_existing */
static void a_function_of_no_module(enum beget_method method)
{
	char code[16] = "";
	int (*f)(int) = (int (*)(int))(uintptr_t)code;

	expect_refused(BEGET_OPTIONS(.method = method), BEGET_CALL(applies, 1, f), -EOPNOTSUPP,
	               "is not in a loaded module, so only fork can carry it");
	assert_non_null(strstr(beget_error(), "argument 2: the function at 0x"));
}

static void a_raw_pointer(enum beget_method method)
{
	int one = 1;
	void *raw = &one;

	expect_refused_argument(method, (struct beget_arg){.type = BEGET_TYPE_RAW, .value = &raw}, -EOPNOTSUPP,
	                        "raw pointer");
}

/* Targets in no module. */

static void doubles(ffi_cif *cif, void *ret, void **args, void *unused)
{
	(void)cif, (void)unused;
	*(ffi_arg *)ret = (ffi_arg)(2 * *(int *)args[0]);
}

static void a_closure(enum beget_method method)
{
	ffi_type *types[] = {&ffi_type_sint};
	int n = 21;
	struct beget_arg arg = {.type = BEGET_TYPE_INT, .value = &n};
	void *code = NULL;
	ffi_cif cif;

	ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);
	assert_non_null(closure);
	assert_int_equal(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types), FFI_OK);
	assert_int_equal(ffi_prep_closure_loc(closure, &cif, doubles, NULL, code), FFI_OK);
	struct beget_call call = {
		.function = (void (*)(void))(uintptr_t)code, .result = BEGET_TYPE_INT, .n = 1, .args = &arg};
	if (method == BEGET_FORK)
		assert_int_equal(int_result(method, &call), 42);
	else
		expect_refused(BEGET_OPTIONS(.method = method), &call, -EOPNOTSUPP, "not in a loaded module");
	ffi_closure_free(closure);
}

static void no_code_at_all(enum beget_method method)
{
	static int data;
	struct beget_call call = {.function = (void (*)(void))(uintptr_t)&data, .result = BEGET_TYPE_VOID};

	expect_refused(BEGET_OPTIONS(.method = method), &call, -EOPNOTSUPP, "not in a loaded module");
	call.function = (void (*)(void))(uintptr_t)8;
	expect_refused(BEGET_OPTIONS(.method = method), &call, -EOPNOTSUPP, "0x8");
}

/* No descriptors are free: starts are refused, and they work again afterwards. */

static void no_descriptor_left(enum beget_method method)
{
	struct rlimit before, few;
	int fds[1100], n = 0, highest = 0;

	not_under_valgrind("it ends when the table is full");
	for (int fd = 0; fd < 1024; fd++)
		highest = fcntl(fd, F_GETFD) >= 0 ? fd : highest;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){(rlim_t)highest + 20, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 1100 && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	int refusals = 0, wrong = 0, started = 0;
	for (int left = n; left > 0; left--) { /* each time, one more is free */
		struct beget_process *p = NULL;
		int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(add, 2, 3)), sum = 0;
		if (error) {
			refusals++;
			wrong += error != -EMFILE || p != NULL;
		} else {
			started++;
			wrong += beget_join(p, 10000, NULL) != 0 || beget_result(p, &sum) != 0 || sum != 5;
			beget_free(p);
		}
		close(fds[left - 1]);
	}
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(wrong, 0);
	assert_true(refusals > 0);
	assert_true(started > 0);
	assert_int_equal(int_result(method, BEGET_CALL(add, 2, 3)), 5);
}

/* After all refusals the next start works, and handlers and masks are unchanged. */
static void refusals_leave_no_trace(enum beget_method method)
{
	struct sigaction before[NSIG], after;
	int descriptors = count_descriptors();

	for (int n = 1; n < NSIG; n++) {
		memset(&before[n], 0, sizeof(before[n]));
		sigaction(n, NULL, &before[n]);
	}
	for (int i = 0; i < 20; i++) {
		expect_refused(BEGET_OPTIONS(.method = method, .flags = 0x8000), BEGET_CALL(add, 1, 2), -EINVAL,
		               "flags");
		expect_refused(BEGET_OPTIONS(.method = method), NULL, -EINVAL, "call is NULL");
		assert_int_equal(int_result(method, BEGET_CALL(add, i, 1)), i + 1);
	}
	for (int n = 1; n < NSIG; n++) {
		memset(&after, 0, sizeof(after));
		sigaction(n, NULL, &after);
		assert_ptr_equal(after.sa_handler, before[n].sa_handler);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

/* Each thread has its own sentence. */

static void *fails_otherwise(void *unused)
{
	(void)beget_start(NULL, NULL, NULL);
	return unused;
}

static void sentences_of_threads(enum beget_method method)
{
	pthread_t t;

	expect_refused(BEGET_OPTIONS(.method = method, .flags = 0x8000), BEGET_CALL(add, 1, 2), -EINVAL, "flags");
	assert_int_equal(pthread_create(&t, NULL, fails_otherwise, NULL), 0);
	pthread_join(t, NULL);
	assert_non_null(strstr(beget_error(), "flags 0x8000"));
	assert_int_equal(int_result(method, BEGET_CALL(add, 1, 2)), 3);
	assert_non_null(strstr(beget_error(), "flags 0x8000"));
}

int main(int argc, char **argv)
{
	enum { FRESH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN) };
	static const struct behaviour table[] = {
		BEHAVIOUR(unknown_options),
		BEHAVIOUR(newer_options),
		BEHAVIOUR(nothing_to_call),
		BEHAVIOUR(wrong_results),
		BEHAVIOUR(wrong_arguments),
		BEHAVIOUR(wrong_flags_and_sizes),
		BEHAVIOUR(sizes_that_overflow),
		BEHAVIOUR(wrong_layouts),
		BEHAVIOUR(wrong_calls),
		BEHAVIOUR_OF(a_function_of_no_module, FRESH),
		BEHAVIOUR_OF(a_raw_pointer, FRESH),
		BEHAVIOUR(a_closure),
		BEHAVIOUR_OF(no_code_at_all, FRESH),
		BEHAVIOUR(no_descriptor_left),
		BEHAVIOUR(refusals_leave_no_trace),
		BEHAVIOUR(sentences_of_threads),
	};

	beget_init(argc, argv);
	void *code; /* libffi may keep a descriptor after its first closure */
	ffi_closure_free(ffi_closure_alloc(sizeof(ffi_closure), &code));
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
