/* Behaviours: test functions that run once for each start method, each inside a fence.
 *
 * The fence holds that a test leaves the program as it found it: as many descriptors, no child, no process of this
 * program that was not there before, the same signal mask; and that it ends in time. A target never asserts (a failing
 * cmocka assertion in a forked child would run the rest of the tests twice): it answers by result or exit code. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/resource.h>
#include <cmocka.h>

#include <beget.h>

struct behaviour {
	const char *name;
	void (*test)(enum beget_method);
	unsigned methods; /* bits 1 << method; 0: all three */
};

#define BEHAVIOUR(function)                                                                                            \
	{                                                                                                              \
#function, function, 0                                                                                 \
	}
#define BEHAVIOUR_OF(function, methods)                                                                                \
	{                                                                                                              \
#function, function, methods                                                                           \
	}
#define BY(method) (1u << (method))

/* Runs them all; main is: beget_init(argc, argv); return run_behaviours(table, count); */
int run_behaviours(const struct behaviour *table, size_t n);

/* The same for tests that have no method. */
struct unit {
	const char *name;
	void (*test)(void);
};
#define UNIT(function)                                                                                                 \
	{                                                                                                              \
#function, function                                                                                    \
	}
int run_units(const struct unit *table, size_t n, int fenced);

/* Starts or fails the test with beget_error(). Only in the caller. */
struct beget_process *start(enum beget_method, const struct beget_call *);
struct beget_process *start_with(const struct beget_options *, const struct beget_call *);

/* Joins within ten seconds, checks the outcome, and frees. */
void expect_end(struct beget_process *, enum beget_outcome, int code);
void expect_exit(struct beget_process *, int code);

/* Starts, joins within ten seconds, and expects that it returned: for beget_result, then beget_free. */
struct beget_process *returned(enum beget_method, const struct beget_call *);

/* Starts a target that returns int, joins, frees, and gives the result; fails the test if there is none. */
int int_result(enum beget_method, const struct beget_call *);
int int_result_with(const struct beget_options *, const struct beget_call *);

/* The same for a target that returns a string; it lives until the next call. */
const char *text_result_with(const struct beget_options *, const struct beget_call *);

/* It emulates limits, namespaces and descriptors, and so not what we test of them. */
bool under_valgrind(void);

/* Skip the test that calls them there. why: one line, to be read where it is called. */
void not_under_valgrind(const char *why);
void not_under_asan(const char *why);

/* So often; a tenth there, where a program needs a quarter of a second to begin. */
int often(int n);

/* A time limit, TEST_SCALE times longer: for emulated processors and the like. */
int scaled(int limit);

void sleep_ms(int ms);
int64_t now_ms(void);
int count_descriptors(void);

/* Leaves k free places in the table, the lowest that are free now; returns the limit to come back to. */
struct rlimit leave_places(int k);

/* True if within that time there is nothing more to read and nobody left who could write. */
bool ends(int fd, int timeout_ms);

/* The pid of the helper of this process, launched if need be: the parent of a forkserver child. */
pid_t helper_pid(void);

/* True once the process is gone or a zombie; waits up to timeout_ms for it. */
bool process_gone(pid_t, int timeout_ms);

#endif
