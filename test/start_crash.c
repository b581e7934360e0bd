/* BEGET_CRASH_REPORT: the sentence says where a fatal signal occurred. The flag changes nothing else: neither the
 * status nor the effect of a target's own signal handling. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers would report first. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigfpe=0:handle_sigill=0:use_sigaltstack=0";
}

#if defined(__clang__)
#define AS_WRITTEN __attribute__((noinline, optnone, no_sanitize("undefined", "address", "thread")))
#else
#define AS_WRITTEN __attribute__((noipa, no_sanitize("undefined"), no_sanitize_address, no_sanitize_thread))
#endif

/* Ways to crash, each in its own function. */

AS_WRITTEN static void writes_there(unsigned long address)
{
	*(volatile int *)address = 1; /* NOLINT */
}

AS_WRITTEN static void aborts(unsigned long unused)
{
	(void)unused;
	abort();
}

AS_WRITTEN static void divides_by(unsigned long zero)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("xor %%edx, %%edx\n\tmov $1, %%eax\n\tdivl %0" : : "r"((unsigned)zero) : "eax", "edx");
#else
	(void)zero;
	raise(SIGFPE);
#endif
}

AS_WRITTEN static unsigned long goes_deeper(unsigned long n)
{
	volatile char frame[4096];

	frame[n % sizeof(frame)] = (char)n;
	return n == 0 ? 0 : goes_deeper(n + 1) + (unsigned long)frame[n % sizeof(frame)];
}

AS_WRITTEN static void overflows_its_stack(unsigned long n)
{
	struct rlimit limit = {1 << 20, RLIM_INFINITY};

	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	if (goes_deeper(n + 1) == 5)
		_exit(5);
}

AS_WRITTEN static void reads_behind_the_file(unsigned long unused)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("short", MFD_CLOEXEC);

	(void)unused;
	if (fd < 0 || ftruncate(fd, (off_t)page) < 0)
		_exit(1);
	volatile char *bytes = mmap((void *)0x20000000, 2 * page, PROT_READ, MAP_SHARED, fd, 0); /* NOLINT */
	if (bytes == MAP_FAILED || bytes[page])
		_exit(1);
}

AS_WRITTEN static void clears_there(unsigned long address)
{
	memset((void *)address, 0, 100000); /* NOLINT */
}

AS_WRITTEN static void calls(unsigned long address)
{
	((void (*)(void))address)(); /* NOLINT */
}

AS_WRITTEN static void hits_a_breakpoint(unsigned long unused)
{
	(void)unused;
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("int3");
#else
	raise(SIGTRAP);
#endif
}

static void *writes_in_a_thread(void *address)
{
	writes_there((unsigned long)address);
	return NULL;
}

AS_WRITTEN static void a_thread_writes(unsigned long address)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, writes_in_a_thread, (void *)address) == 0) /* NOLINT */
		pthread_join(thread, NULL);
}

enum { WRITES, ABORTS, DIVIDES, OVERFLOWS, READS, CLEARS, CALLS, BREAKS, THREADS, N_WAYS };
static void (*const ways[])(unsigned long) = {writes_there,          aborts,       divides_by, overflows_its_stack,
                                              reads_behind_the_file, clears_there, calls,      hits_a_breakpoint,
                                              a_thread_writes};

/* Core dumps go to that directory, as far as the hard limit permits; without a directory there are none. */
static int crashes(int way, unsigned long address, const char *directory)
{
	struct rlimit limit;

	if ((directory && chdir(directory) < 0) || getrlimit(RLIMIT_CORE, &limit) < 0)
		return -1;
	/* 1: no core, even if a program receives core dumps */
	limit.rlim_cur = directory || limit.rlim_max < 1 ? limit.rlim_max : 1;
	if (setrlimit(RLIMIT_CORE, &limit) < 0)
		return -1;
	ways[way](address);
	return way;
}

/* cmocka handles some of these signals, and a forked child inherits its handlers. */
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};

static struct beget_process *start_unhandled(enum beget_method method, unsigned flags, const struct beget_call *call)
{
	struct sigaction before[sizeof(fatal) / sizeof(*fatal)], none = {.sa_handler = SIG_DFL};
	struct beget_process *p = NULL;

	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		sigaction(fatal[i], &none, &before[i]);
	int error = beget_start(&p, BEGET_OPTIONS(.method = method, .flags = flags), call);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		sigaction(fatal[i], &before[i], NULL);
	if (error)
		fail_msg("start: %s", beget_error());
	return p;
}

/* Returns what the sentence says after the process, and the status. */
static const char *sentence(struct beget_process *p, struct beget_status *status)
{
	static char text[1000];

	assert_int_equal(beget_join(p, 20000, status), 0);
	assert_true(beget_describe(p, text, sizeof(text)) > 0);
	assert_int_equal(status->outcome, BEGET_SIGNALED);
	beget_free(p);
	return strstr(text, ") ") ? strstr(text, ") ") : text; /* after the name of the process */
}

static const char *sentence_of(enum beget_method method, unsigned flags, int way, unsigned long address, int signal)
{
	struct beget_status status;
	struct beget_process *p = start_unhandled(method, flags, BEGET_CALL(crashes, way, address, (const char *)NULL));
	const char *text = sentence(p, &status);

	if (status.code != signal || status.core_dumped || !strstr(text, strsignal(signal)))
		fail_msg("signal %d, not %d: %s", status.code, signal, text);
	return text;
}

static void expect_in(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" should contain \"%s\"", text, part);
}

static void expect_not_in(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" should not contain \"%s\"", text, part);
}

static void forbidden_address(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, WRITES, 0x1234, SIGSEGV);

	expect_in(text, "signal 11");
	expect_in(text, "at address 0x1234 ");
	expect_in(text, " in writes_there");
	text = sentence_of(method, BEGET_CRASH_REPORT, WRITES, 0, SIGSEGV);
	expect_in(text, "at address 0 ");
	expect_in(text, " in writes_there");
}

/* A non-canonical address: the processor does not report which one it was. */
static void impossible_address(enum beget_method method)
{
#if defined(__x86_64__)
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, WRITES, 0x8000000000001234, SIGSEGV);

	expect_in(text, " in writes_there");
	expect_not_in(text, "address");
#else
	(void)method;
	skip();
#endif
}

static void in_a_library(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, CLEARS, 0x1000, SIGSEGV);

	expect_in(text, "at address 0x");
	if (!strstr(text, " in " LIBC_NAME) && !strstr(text, "mem"))
		fail_msg("the sentence should name the library or its function: %s", text);
}

static void in_no_code(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, CALLS, 0x1234, SIGSEGV);

	expect_in(text, "at address 0x1234 ");
	expect_in(text, "outside all known modules");
}

static void other_signals(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, ABORTS, 0, SIGABRT);

	expect_in(text, " in ");
	expect_not_in(text, "address");
	text = sentence_of(method, BEGET_CRASH_REPORT, BREAKS, 0, SIGTRAP);
	expect_not_in(text, "address");
#if defined(__x86_64__) || defined(__i386__)
	expect_in(text, " in hits_a_breakpoint");
	expect_in(sentence_of(method, BEGET_CRASH_REPORT, DIVIDES, 0, SIGFPE), " in divides_by");
#endif
}

static void behind_the_end_of_a_file(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, READS, 0, SIGBUS);

	expect_in(text, "at address 0x");
	expect_in(text, " in reads_behind_the_file");
}

static void stack_overflow(enum beget_method method)
{
	const char *text = sentence_of(method, BEGET_CRASH_REPORT, OVERFLOWS, 0, SIGSEGV);

	expect_in(text, "at address 0x");
	expect_in(text, " in goes_deeper");
}

static void in_a_thread(enum beget_method method)
{
	expect_in(sentence_of(method, BEGET_CRASH_REPORT, THREADS, 0x1234, SIGSEGV), " in writes_there");
}

static void without_the_flag(enum beget_method method)
{
	for (int way = 0; way < N_WAYS; way++) {
		struct beget_status status;
		const char *text = sentence(
			start_unhandled(method, 0, BEGET_CALL(crashes, way, 0ul, (const char *)NULL)), &status);
		expect_not_in(text, "address");
		expect_not_in(text, " in ");
	}
}

/* The status is the kernel's, with and without the flag. */

static int empty(const char *directory)
{
	DIR *dir = opendir(directory);
	int n = 0;

	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.')
			n += unlinkat(dirfd(dir), e->d_name, 0) == 0;
	closedir(dir);
	return n;
}

static void the_same_status(enum beget_method method)
{
	char directory[] = "/tmp/beget-crash-XXXXXX";

	assert_non_null(mkdtemp(directory));
	for (int way = 0; way < N_WAYS; way++) {
		struct beget_status status[2];
		int cores[2];
		for (int i = 0; i < 2; i++) {
			struct beget_process *p = start_unhandled(method, i ? BEGET_CRASH_REPORT : 0,
			                                          BEGET_CALL(crashes, way, 0ul, directory));
			sentence(p, &status[i]);
			cores[i] = empty(directory);
		}
		assert_int_equal(status[1].code, status[0].code);
		assert_int_equal(status[1].core_dumped, status[0].core_dumped);
		assert_int_equal(cores[1], cores[0]);
	}
	rmdir(directory);
}

/* The target handles signals itself. */

static sigjmp_buf back;

static void jump(int signal)
{
	siglongjmp(back, signal);
}

static int handles_it(void)
{
	struct sigaction action = {.sa_handler = jump};

	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(back, 1) == 0)
		writes_there(0);
	return 5;
}

static void a_handler_of_the_target(enum beget_method method)
{
	struct beget_process *p = start_unhandled(method, BEGET_CRASH_REPORT, BEGET_CALL(handles_it));
	int value = 0;

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 5);
	beget_free(p);
}

static int ignores_it(void)
{
	signal(SIGABRT, SIG_IGN);
	raise(SIGABRT);
	return 6;
}

static void ignored_by_the_target(enum beget_method method)
{
	struct beget_process *p = start_unhandled(method, BEGET_CRASH_REPORT, BEGET_CALL(ignores_it));
	int value = 0;

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 6);
	beget_free(p);
}

/* A copy of the target has its handlers, but its end is not the target's. */
static int survives_its_child(void)
{
	struct rlimit none = {1, RLIM_INFINITY};
	int status;

	setrlimit(RLIMIT_CORE, &none);
	pid_t pid = fork();
	if (pid == 0)
		writes_there(0x4321);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
		return -1;
	signal(SIGSEGV, SIG_DFL); /* no report of what happens now */
	raise(SIGSEGV);
	return -2;
}

static void a_child_of_the_target(enum beget_method method)
{
	struct beget_status status;
	struct beget_process *p = start_unhandled(method, BEGET_CRASH_REPORT, BEGET_CALL(survives_its_child));
	const char *text = sentence(p, &status);

	assert_int_equal(status.code, SIGSEGV);
	expect_not_in(text, "address");
	expect_not_in(text, " in ");
}

/* A signal that was sent has no address. */

static int says_and_sleeps(struct beget_fd out)
{
	struct rlimit none = {1, RLIM_INFINITY};

	setrlimit(RLIMIT_CORE, &none);
	if (write(out.fd, "x", 1) == 1)
		for (;;)
			pause();
	return 1;
}

static void sent_by_others(enum beget_method method)
{
	static const int signals[] = {SIGTERM, SIGKILL, SIGSEGV, SIGBUS, SIGABRT};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct beget_status status;
		int out[2];
		char byte;
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
		struct beget_process *p =
			start_unhandled(method, BEGET_CRASH_REPORT, BEGET_CALL(says_and_sleeps, BEGET_FD(out[1])));
		assert_int_equal(read(out[0], &byte, 1), 1);
		close(out[0]);
		close(out[1]);
		assert_int_equal(beget_kill(p, signals[i]), 0);
		const char *text = sentence(p, &status);
		assert_int_equal(status.code, signals[i]);
		assert_false(status.core_dumped);
		expect_not_in(text, "address");
		if (i < 2)
			expect_not_in(text, " in ");
	}
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(forbidden_address),
		BEHAVIOUR(impossible_address),
		BEHAVIOUR(in_a_library),
		BEHAVIOUR(in_no_code),
		BEHAVIOUR(other_signals),
		BEHAVIOUR(behind_the_end_of_a_file),
		BEHAVIOUR(stack_overflow),
		BEHAVIOUR(in_a_thread),
		BEHAVIOUR(without_the_flag),
		BEHAVIOUR(the_same_status),
		BEHAVIOUR(a_handler_of_the_target),
		BEHAVIOUR(ignored_by_the_target),
		BEHAVIOUR(a_child_of_the_target),
		BEHAVIOUR(sent_by_others),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
