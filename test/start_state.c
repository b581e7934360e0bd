/* A child has its caller's state at the time of the start: its view is compared with the caller's after each change.
 * The same for all methods, in the program and in a forked copy. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What a process sees of its own state, as lines of text. */

static char text[65536];
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(text + used, sizeof(text) - used, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) - used)
		abort();
	used += (size_t)n;
}

static void say_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;
		if (fstat(fd, &st) < 0)
			say("%d is closed\n", fd);
		else
			say("%d is %llx:%llx, mode %x\n", fd, (unsigned long long)st.st_dev,
			    (unsigned long long)st.st_ino, (unsigned)fcntl(fd, F_GETFL) & O_ACCMODE);
	}
}

static void say_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int n = 1; n < NSIG; n++) {
		struct sigaction action;
		if (sigismember(&mask, n) == 1)
			say("%d is blocked\n", n);
		if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			say("%d is ignored\n", n);
	}
}

static const char *state(void)
{
	struct stat st;
	mode_t mask = umask(0);

	umask(mask);
	used = 0;
	if (stat(".", &st) < 0)
		abort();
	say("in %llx:%llx\numask %03o\ngroup %d\nsession %d\n", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, (unsigned)mask, (int)getpgrp(), (int)getsid(0));
	say_descriptors();
	say_signals();
	for (char **e = environ; e && *e; e++)
		say("%s\n", *e);
	return text;
}

static const struct beget_call see_state = {.function = (void (*)(void))state, .result = BEGET_TYPE_STRING};

/* Nothing is asserted while the state is changed, because a failure would leave it so. Returns NULL, or how the child
 * differs. */
static const char *difference(enum beget_method method)
{
	static char why[400];
	struct beget_process *p = NULL;
	struct beget_status status;
	const char *theirs = "", *own = state();
	size_t line = 0, i = 0;

	if (beget_start(&p, BEGET_OPTIONS(.method = method), &see_state) < 0) {
		snprintf(why, sizeof(why), "%s", beget_error());
		return why;
	}
	if (beget_join(p, 10000, &status) < 0 || beget_result(p, &theirs) < 0)
		beget_describe(p, why, sizeof(why));
	for (; own[i] && own[i] == theirs[i]; i++)
		if (own[i] == '\n')
			line = i + 1;
	bool same = own[i] == theirs[i];
	if (!same && *theirs)
		snprintf(why, sizeof(why), "the caller has \"%.100s\", the child \"%.100s\"", own + line,
		         theirs + (line < strlen(theirs) ? line : strlen(theirs)));
	beget_free(p);
	return same ? NULL : why;
}

static void expect_same(const char *changed, const char *differs)
{
	if (differs)
		fail_msg("%s: %s", changed, differs);
}

/* The next start with forkserver launches another helper, with the state at that time. */
static void lose_helper(void)
{
	pid_t helper = helper_pid();

	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_true(process_gone(helper, 10000));
}

static void unchanged(enum beget_method method)
{
	expect_same("nothing", difference(method));
}

/* Working directory. */

static void working_directory(enum beget_method method)
{
	char path[] = "/tmp/beget-state-XXXXXX", moved[sizeof(path) + 2], *before = getcwd(NULL, 0);

	assert_non_null(before);
	assert_non_null(mkdtemp(path));
	snprintf(moved, sizeof(moved), "%s-2", path);
	assert_int_equal(chdir(path), 0);
	const char *entered = difference(method);
	expect_same("another directory", entered);
	rename(path, moved);
	const char *renamed = difference(method);
	expect_same("a renamed directory", renamed);
	rmdir(moved);
	const char *removed = difference(method);
	expect_same("a removed directory", removed);
	assert_int_equal(chdir(before), 0);
	expect_same("back", difference(method));
	free(before);
}

/* Environment. */

static void variables(enum beget_method method)
{
	setenv("START_STATE", "one", 1);
	expect_same("a new variable", difference(method));
	setenv("START_STATE", "", 1);
	expect_same("an empty variable", difference(method));
	unsetenv("START_STATE");
	expect_same("a variable gone", difference(method));
}

static void environments(enum beget_method method)
{
	char **before = environ;
	char *own[] = {"A=1", "B=", "no equals sign", "A=2", NULL}, *none[] = {NULL};

	environ = own;
	const char *differs = difference(method);
	environ = before;
	expect_same("an array of its own", differs);
	environ = none;
	differs = difference(method);
	environ = before;
	expect_same("an empty array", differs);
	environ = NULL;
	differs = difference(method);
	environ = before;
	expect_same("NULL", differs);
	expect_same("back", difference(method));
}

static void large_environment(enum beget_method method)
{
	char *value = malloc(30001);

	assert_non_null(value);
	memset(value, 'v', 30000);
	value[30000] = '\0';
	setenv("START_STATE_LARGE", value, 1);
	free(value);
	const char *differs = difference(method);
	unsetenv("START_STATE_LARGE");
	expect_same("a large variable", differs);
}

/* Changes that the helper's launch makes must not be visible. */
static void loader_variables(enum beget_method method)
{
	static const char *const values[] = {"1", "", "yes"};

	if (getenv("LD_BIND_NOW"))
		skip();
	for (int i = 0; i < 3; i++) {
		lose_helper();
		setenv("LD_BIND_NOW", values[i], 1);
		const char *differs = difference(method);
		unsetenv("LD_BIND_NOW");
		expect_same(values[i], differs);
	}
}

/* Umask and signals. */

static void creation_mask(enum beget_method method)
{
	static const mode_t masks[] = {0, 077, 0777, 027};

	for (int i = 0; i < 4; i++) {
		mode_t before = umask(masks[i]);
		const char *differs = difference(method);
		umask(before);
		expect_same("the umask", differs);
	}
}

static const char *difference_with_mask(enum beget_method method, const sigset_t *mask)
{
	sigset_t before;

	pthread_sigmask(SIG_SETMASK, mask, &before);
	const char *differs = difference(method);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return differs;
}

static void signal_mask(enum beget_method method)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 3);
	expect_same("three signals blocked", difference_with_mask(method, &set));
	sigfillset(&set);
	expect_same("all signals blocked", difference_with_mask(method, &set));
	sigemptyset(&set);
	expect_same("no signal blocked", difference_with_mask(method, &set));
}

static const char *difference_ignoring(enum beget_method method, int number)
{
	void (*before)(int) = signal(number, SIG_IGN);
	const char *differs = difference(method);

	signal(number, before);
	return differs;
}

static void ignored_signals(enum beget_method method)
{
	expect_same("SIGUSR2 ignored", difference_ignoring(method, SIGUSR2));
	expect_same("SIGPIPE ignored", difference_ignoring(method, SIGPIPE));
	expect_same("SIGRTMIN ignored", difference_ignoring(method, SIGRTMIN));
	expect_same("nothing ignored", difference(method));
}

static void ignored_when_the_helper_came(enum beget_method method)
{
	lose_helper();
	void (*child)(int) = signal(SIGCHLD, SIG_IGN), (*user)(int) = signal(SIGUSR2, SIG_IGN);
	const char *differs = difference(method);
	signal(SIGCHLD, child);
	if (!differs)
		differs = difference(method);
	signal(SIGUSR2, user);
	expect_same("ignored at the launch", differs);
	expect_same("not any more", difference(method));
	lose_helper();
}

static void handler(int number)
{
	(void)number;
}

static bool has_default(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

static bool has_handler(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == handler;
}

static void handlers(enum beget_method method)
{
	bool right = false;

	signal(SIGUSR1, handler);
	struct beget_process *p = start(method, method == BEGET_FORK ? BEGET_CALL(has_handler, SIGUSR1)
	                                                             : BEGET_CALL(has_default, SIGUSR1));
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &right), 0);
	assert_true(right);
	beget_free(p);
}

/* Standard streams. */

/* With descriptor fd replaced by to, or closed if to is -1. */
static const char *difference_with(enum beget_method method, int fd, int to)
{
	int before = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	fflush(stdout);
	if (to >= 0)
		dup2(to, fd);
	else
		close(fd);
	const char *differs = difference(method);
	if (before >= 0) {
		dup2(before, fd);
		close(before);
	} else {
		close(fd);
	}
	return differs;
}

static void redirected_streams(enum beget_method method)
{
	char path[] = "/tmp/beget-state-XXXXXX";
	int low = mkostemp(path, O_CLOEXEC), file = fcntl(low, F_DUPFD_CLOEXEC, 3);

	close(low);
	unlink(path);
	assert_true(file > 2);
	for (int fd = 0; fd <= 2; fd++) {
		expect_same("a file", difference_with(method, fd, file));
		expect_same("back", difference(method));
	}
	close(file);
}

static void closed_streams(enum beget_method method)
{
	for (int fd = 0; fd <= 2; fd++) {
		expect_same("closed", difference_with(method, fd, -1));
		expect_same("back", difference(method));
	}
}

static void close_on_exec_streams(enum beget_method method)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), before = fcntl(0, F_DUPFD_CLOEXEC, 10);

	dup3(null, 0, O_CLOEXEC);
	const char *differs = difference(method);
	bool still = fcntl(0, F_GETFD) == FD_CLOEXEC;
	if (before >= 0)
		dup2(before, 0);
	else
		close(0);
	close(before);
	close(null);
	expect_same("close-on-exec", differs);
	assert_true(still);
}

static void all_streams_closed(enum beget_method method)
{
	int before[3];

	fflush(stdout);
	for (int fd = 0; fd <= 2; fd++) {
		before[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
	const char *differs = difference(method);
	bool filled = fcntl(0, F_GETFD) >= 0 || fcntl(1, F_GETFD) >= 0 || fcntl(2, F_GETFD) >= 0;
	for (int fd = 0; fd <= 2; fd++) {
		if (before[fd] >= 0)
			dup2(before[fd], fd);
		close(before[fd]);
	}
	expect_same("0, 1 and 2 closed", differs);
	assert_false(filled);
}

/* In copies of the program, because the program could not undo these changes. */

static void in_a_copy(int (*body)(enum beget_method), enum beget_method method)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(method));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int same(enum beget_method method)
{
	const char *differs = difference(method);

	if (differs)
		fprintf(stderr, "%s\n", differs);
	return differs != NULL;
}

static int just_a_copy(enum beget_method method)
{
	return same(method) || same(method);
}

static int changes_group(enum beget_method method)
{
	return same(method) || setpgid(0, 0) < 0 || same(method) || setpgid(0, getpgid(getppid())) < 0 || same(method);
}

static int changes_session(enum beget_method method)
{
	return same(method) || setsid() < 0 || same(method) || same(method);
}

static int begins_a_session(enum beget_method method)
{
	return setsid() < 0 || same(method);
}

static void forked_copies(enum beget_method method)
{
	in_a_copy(just_a_copy, method);
	in_a_copy(changes_group, method);
	in_a_copy(changes_session, method);
	in_a_copy(begins_a_session, method);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(unchanged),          BEHAVIOUR(working_directory),
		BEHAVIOUR(variables),          BEHAVIOUR(environments),
		BEHAVIOUR(large_environment),  BEHAVIOUR(loader_variables),
		BEHAVIOUR(creation_mask),      BEHAVIOUR(signal_mask),
		BEHAVIOUR(ignored_signals),    BEHAVIOUR_OF(ignored_when_the_helper_came, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(handlers),           BEHAVIOUR(redirected_streams),
		BEHAVIOUR(closed_streams),     BEHAVIOUR(close_on_exec_streams),
		BEHAVIOUR(all_streams_closed), BEHAVIOUR(forked_copies),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
