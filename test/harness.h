/* Behaviours: test functions that run once for each start method, each inside a fence.
 *
 * The fence checks that a test leaves the program as it was: the same number of descriptors, no child, no new process
 * of this program, the same signal mask; and that it ends in time. A target never asserts, because a failing cmocka
 * assertion in a forked child would run the remaining tests twice: it reports by result or exit code. */
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

/* Runs all behaviours. main is: beget_init(argc, argv); return run_behaviours(table, count); */
int run_behaviours(const struct behaviour *table, size_t n);

/* The same for tests that do not depend on a method. */
struct unit {
	const char *name;
	void (*test)(void);
};
#define UNIT(function)                                                                                                 \
	{                                                                                                              \
#function, function                                                                                    \
	}
int run_units(const struct unit *table, size_t n, int fenced);

/* Starts; on failure, fails the test with beget_error(). Only in the caller. */
struct beget_process *start(enum beget_method, const struct beget_call *);
struct beget_process *start_with(const struct beget_options *, const struct beget_call *);

/* Joins within ten seconds, checks the outcome, and frees. */
void expect_end(struct beget_process *, enum beget_outcome, int code);
void expect_exit(struct beget_process *, int code);

/* Starts, joins within ten seconds, and expects that the target returned. For beget_result, then beget_free. */
struct beget_process *returned(enum beget_method, const struct beget_call *);

/* Starts a target that returns int, joins, frees, and returns the result. Fails the test if there is none. */
int int_result(enum beget_method, const struct beget_call *);
int int_result_with(const struct beget_options *, const struct beget_call *);

/* The same for a target that returns a string, which is valid until the next call. */
const char *text_result_with(const struct beget_options *, const struct beget_call *);

/* How the name of libc's file begins, and what is known of an exit while handlers run. */
#ifdef __GLIBC__
#define LIBC_NAME         "libc."
#define EXITED_WITH(code) "exited with code " code
#else
#define LIBC_NAME         "ld-musl-"
#define EXITED_WITH(code) "exited"
#endif

/* Valgrind emulates limits, namespaces and descriptors, so tests of these prove nothing under it. */
bool under_valgrind(void);

/* Skips the test that calls it under valgrind. why documents the reason at the call. */
void not_under_valgrind(const char *why);
void not_under_asan(const char *why);
void not_with_musl(const char *why);

/* n, or a tenth of it under valgrind and the thread sanitizer, where a program takes a quarter of a second to begin. */
int often(int n);

/* A time limit, multiplied by TEST_SCALE: for emulated processors and slow machines. */
int scaled(int limit);

void sleep_ms(int ms);
int64_t now_ms(void);
int count_descriptors(void);

/* The number of processes that run this program, in this pid namespace; and whether it soon is at most this. */
int count_processes(void);
bool processes_settle(int most);

/* Bytes that malloc has allocated, or 0 if it does not count them, or under a tool that finds leaks itself. */
size_t heap(void);

/* First statement of main for a program that compares heaps: glibc counts freed blocks that it keeps for a thread. */
void keep_no_freed_blocks(char **argv);

/* Lowers the limit so that the k lowest free descriptor numbers remain. Returns the limit to restore. */
struct rlimit leave_places(int k);

/* True if within that time the descriptor reaches its end of file. */
bool ends(int fd, int timeout_ms);

/* The pid of this process's helper, the parent of forkserver children. Launches one if necessary. */
pid_t helper_pid(void);

/* True once the process has ended, reaped or not. Waits up to timeout_ms. */
bool process_gone(pid_t, int timeout_ms);

#endif
