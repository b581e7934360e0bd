/* What the options give a child in place of what the caller has: working directory, environment, name, process group,
 * session, descriptors. Options that cannot be satisfied are refused before any process exists. */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Expects that a start fails, and that its sentence contains why. */
static void expect_refusal(const struct beget_options *options, const struct beget_call *call, int error,
                           const char *why)
{
	struct beget_process *const untouched = (struct beget_process *)&error, *p = untouched;
	int got = beget_start(&p, options, call);

	if (got != error || p != untouched || !strstr(beget_error(), why))
		fail_msg("error %d, not %d; \"%s\" should contain \"%s\"", got, error, beget_error(), why);
}

static void nothing(void)
{
}

/* Working directory. */

static const char *where(void)
{
	static char path[4096];

	return getcwd(path, sizeof(path));
}

static char directory[40], inner[60], file[60], missing[60];

static void make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/beget-options-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(inner, sizeof(inner), "%s/inner", directory);
	snprintf(file, sizeof(file), "%s/file", directory);
	snprintf(missing, sizeof(missing), "%s/missing", directory);
	assert_int_equal(mkdir(inner, 0700), 0);
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(directory, 0755), 0);
}

static void remove_directory(void)
{
	unlink(file);
	rmdir(inner);
	assert_int_equal(rmdir(directory), 0);
}

static void absolute_directory(enum beget_method method)
{
	char before[4096];

	make_directory();
	assert_non_null(getcwd(before, sizeof(before)));
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .cwd = inner), BEGET_CALL(where)), inner);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(where)), before);
	assert_string_equal(where(), before);
	remove_directory();
}

static void relative_directory(enum beget_method method)
{
	int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[4096];

	make_directory();
	assert_int_equal(chdir(directory), 0);
	snprintf(text, sizeof(text), "%s",
	         text_result_with(BEGET_OPTIONS(.method = method, .cwd = "inner"), BEGET_CALL(where)));
	assert_string_equal(where(), directory);
	assert_int_equal(fchdir(home), 0);
	close(home);
	assert_string_equal(text, inner);
	remove_directory();
}

static void no_such_directory(enum beget_method method)
{
	make_directory();
	expect_refusal(BEGET_OPTIONS(.method = method, .cwd = missing), BEGET_CALL(nothing), -ENOENT, missing);
	expect_refusal(BEGET_OPTIONS(.method = method, .cwd = file), BEGET_CALL(nothing), -ENOTDIR, file);
	expect_refusal(BEGET_OPTIONS(.method = method, .cwd = ""), BEGET_CALL(nothing), -ENOENT, "directory");
	remove_directory();
}

/* The exit code says what went wrong. Only a user without root's privileges can be denied access to a directory. */
static int refused_as_nobody(enum beget_method method)
{
	struct beget_process *p = NULL;

	if (getuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 1;
	if (beget_start(&p, BEGET_OPTIONS(.method = method, .cwd = inner), BEGET_CALL(nothing)) != -EACCES || p)
		return 2;
	return strstr(beget_error(), inner) ? 0 : 3;
}

static void directory_that_may_not_be_entered(enum beget_method method)
{
	int status;

	make_directory();
	assert_int_equal(chmod(inner, 0644), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(refused_as_nobody(method));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	remove_directory();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Environment. */

static const char *environment(void)
{
	static char text[4096];
	size_t n = 0;

	for (char **entry = environ; entry && *entry && n < sizeof(text); entry++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", *entry);
	return text;
}

static const char *variable(const char *name)
{
	return getenv(name);
}

/* The list is libc's own, so it can be changed. */
static const char *changed_variable(const char *name, const char *value)
{
	if (setenv(name, value, 1) || setenv("BEGET_TEST_NEW", "new", 1) || unsetenv("BEGET_TEST_GONE"))
		return "cannot change it";
	return environment();
}

static void given_environment(enum beget_method method)
{
	char *env[] = {"ONE=1", "EMPTY=", "SIGN=a=b", "LINE=two words", NULL}, *none[] = {NULL};
	const struct beget_options *options = BEGET_OPTIONS(.method = method, .env = env);

	assert_string_equal(text_result_with(options, BEGET_CALL(environment)),
	                    "ONE=1\nEMPTY=\nSIGN=a=b\nLINE=two words\n");
	assert_string_equal(text_result_with(options, BEGET_CALL(variable, "SIGN")), "a=b");
	assert_string_equal(text_result_with(options, BEGET_CALL(variable, "EMPTY")), "");
	assert_string_equal(text_result_with(options, BEGET_CALL(variable, "PATH")), "(null)");
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .env = none), BEGET_CALL(environment)),
	                    "");
}

static void environment_can_be_changed(enum beget_method method)
{
	char *env[] = {"ONE=1", "BEGET_TEST_GONE=1", NULL};

	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .env = env),
	                                     BEGET_CALL(changed_variable, "ONE", "more")),
	                    "ONE=more\nBEGET_TEST_NEW=new\n");
}

static void environment_of_the_caller(enum beget_method method)
{
	char name[20] = "BEGET_TEST_HIS";

	assert_int_equal(setenv(name, "set after the helper came up", 1), 0);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(variable, name)),
	                    "set after the helper came up");
	assert_int_equal(unsetenv(name), 0);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(variable, name)), "(null)");
}

static void large_environment(enum beget_method method)
{
	static char entry[200000];
	char *env[] = {"FIRST=1", entry, "LAST=2", NULL};

	memset(entry, 'x', sizeof(entry) - 1);
	memcpy(entry, "LONG=", 5);
	const struct beget_options *options = BEGET_OPTIONS(.method = method, .env = env);
	assert_string_equal(text_result_with(options, BEGET_CALL(variable, "LAST")), "2");
	assert_int_equal(strspn(text_result_with(options, BEGET_CALL(variable, "LONG")), "x"), 8191);
}

static void bad_environment(enum beget_method method)
{
	char *const bad[] = {"NOTHING-SAID", "=nameless", ""};

	for (size_t i = 0; i < 3; i++) {
		char *env[] = {"ONE=1", bad[i], NULL}, named[40];
		snprintf(named, sizeof(named), "1 (\"%s\")", bad[i]);
		expect_refusal(BEGET_OPTIONS(.method = method, .env = env), BEGET_CALL(nothing), -EINVAL, named);
	}
}

/* Name. */

static const char *own_name(void)
{
	static char text[17];

	prctl(PR_GET_NAME, text);
	return text;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

static void name(enum beget_method method)
{
	char program[17] = "", text[400], part[40];

	not_under_valgrind("the name is that of the tool");
	prctl(PR_GET_NAME, program);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .name = "short"), BEGET_CALL(own_name)),
	                    "short");
	assert_string_equal(
		text_result_with(BEGET_OPTIONS(.method = method, .name = "exactly-16-bytes"), BEGET_CALL(own_name)),
		"exactly-16-byte");
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(own_name)), program);

	struct beget_process *p =
		start_with(BEGET_OPTIONS(.method = method, .name = "the second reader of mails"), BEGET_CALL(sleeper));
	assert_true(beget_describe(p, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "the second reader of mails"));
	snprintf(part, sizeof(part), "%d", (int)beget_pid(p));
	assert_true(beget_describe(p, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, part));
	assert_int_equal(beget_join(p, 0, NULL), -ETIMEDOUT);
	assert_non_null(strstr(beget_error(), "the second reader of mails"));
	assert_int_equal(beget_kill(p, 9), 0);
	expect_end(p, BEGET_SIGNALED, 9);
}

/* The arguments in the command line, each followed by a slash. */
static const char *command_line(void)
{
	static char text[4096];
	FILE *f = fopen("/proc/self/cmdline", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '/';
	return text;
}

static void name_in_command_line(enum beget_method method)
{
	unsigned size;

	not_under_valgrind("the command line is that of the tool");
	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0)
		skip(); /* a kernel without CONFIG_CHECKPOINT_RESTORE */
	char *own = strdup(command_line());
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .name = "the second reader of mails"),
	                                     BEGET_CALL(command_line)),
	                    "the second reader of mails/");
	assert_string_equal(command_line(), own);
	if (method == BEGET_FORK)
		assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method), BEGET_CALL(command_line)), own);
	free(own);
}

/* Process group and session. */

static const char *groups(void)
{
	static char text[60];
	int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC);

	snprintf(text, sizeof(text), "%s %s %s", getpgrp() == getpid() ? "leads" : "follows",
	         getsid(0) == getpid() ? "rules" : "obeys", terminal < 0 ? "none" : "terminal");
	return text;
}

static int group(void)
{
	return (int)getpgrp();
}

static int session(void)
{
	return (int)getsid(0);
}

static void groups_and_sessions(enum beget_method method)
{
	int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC);
	const char *here = terminal < 0 ? "none" : "terminal";
	char text[60];

	if (terminal >= 0)
		close(terminal);
	assert_int_equal(int_result(method, BEGET_CALL(group)), getpgrp());
	assert_int_equal(int_result(method, BEGET_CALL(session)), getsid(0));
	snprintf(text, sizeof(text), "leads obeys %s", here);
	assert_string_equal(
		text_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_GROUP), BEGET_CALL(groups)), text);
	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_GROUP), BEGET_CALL(session)),
		getsid(0));
	assert_string_equal(
		text_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_SESSION), BEGET_CALL(groups)),
		"leads rules none");
	assert_string_equal(
		text_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NEW_SESSION | BEGET_NEW_GROUP),
	                         BEGET_CALL(groups)),
		"leads rules none");
}

/* Descriptors. */

/* The descriptors beyond the standard streams, as "4 5 "; the passed ones by their number in the child. */
static const char *descriptors(struct beget_fd a, struct beget_fd b)
{
	static char text[4096];
	DIR *dir = opendir("/proc/self/fd");
	int passed = 0, others = 0;

	if (!dir)
		return "no /proc";
	for (const struct dirent *e; (e = readdir(dir));) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] == '.' || fd == dirfd(dir) || fd <= STDERR_FILENO)
			continue;
		passed += fd == a.fd || fd == b.fd;
		others += fd != a.fd && fd != b.fd;
	}
	closedir(dir);
	snprintf(text, sizeof(text), "%d passed, %s", passed, others <= 2 ? "at most two others" : "more");
	return write(a.fd, "x", 1) == 1 && write(b.fd, "y", 1) == 1 ? text : "cannot write";
}

static void only_the_passed_descriptors(enum beget_method method)
{
	int extra[20], pair[2];
	char got[3] = "";

	not_under_valgrind("it has descriptors of its own");
	for (int i = 0; i < 20; i++) /* some with close-on-exec, some without; with gaps */
		assert_true((extra[i] = fcntl(0, i % 2 ? F_DUPFD : F_DUPFD_CLOEXEC, 20 + 7 * i)) >= 0);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	int high = fcntl(pair[1], F_DUPFD_CLOEXEC, 90);
	assert_true(high >= 90);
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_CLOSE_FDS),
	                                     BEGET_CALL(descriptors, BEGET_FD(high), BEGET_FD(pair[1]))),
	                    "2 passed, at most two others");
	assert_int_equal(read(pair[0], got, 2), 2);
	assert_string_equal(got, "xy");
	/* With fork, only the flag made the difference; with the other methods it changes nothing. */
	assert_string_equal(text_result_with(BEGET_OPTIONS(.method = method),
	                                     BEGET_CALL(descriptors, BEGET_FD(high), BEGET_FD(pair[1]))),
	                    method == BEGET_FORK ? "2 passed, more" : "2 passed, at most two others");
	for (int i = 0; i < 20; i++)
		close(extra[i]);
	close(high);
	close(pair[0]);
	close(pair[1]);
}

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int streams_are_open(void)
{
	return is_open(0) * 1 + is_open(1) * 2 + is_open(2) * 4;
}

static void closing_leaves_the_streams(enum beget_method method)
{
	assert_int_equal(int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_CLOSE_FDS),
	                                 BEGET_CALL(streams_are_open)),
	                 streams_are_open());
}

static int next(enum beget_method method)
{
	struct beget_process *p;
	int value = 0;

	if (beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(streams_are_open)) < 0 ||
	    beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0)
		return -1;
	beget_free(p);
	return value;
}

/* The library works without its open descriptors, including the pinned image. */
static int starts_by_all(void)
{
	return next(BEGET_FORKSERVER) + next(BEGET_SPAWN) + next(BEGET_FORK);
}

static void a_child_that_closed_all_can_start(enum beget_method method)
{
	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_CLOSE_FDS), BEGET_CALL(starts_by_all)),
		3 * streams_are_open());
}

/* Invalid streams. */

static void unknown_streams(enum beget_method method)
{
	const struct beget_stream bad[] = {{.kind = (enum beget_stream_kind)6}, {.kind = (enum beget_stream_kind) - 1}};

	for (size_t i = 0; i < 2; i++) {
		expect_refusal(BEGET_OPTIONS(.method = method, .in = bad[i]), BEGET_CALL(nothing), -EINVAL, "input");
		expect_refusal(BEGET_OPTIONS(.method = method, .out = bad[i]), BEGET_CALL(nothing), -EINVAL, "output");
		expect_refusal(BEGET_OPTIONS(.method = method, .err = bad[i]), BEGET_CALL(nothing), -EINVAL, "error");
	}
}

static void unknown_flags(enum beget_method method)
{
	expect_refusal(BEGET_OPTIONS(.method = method, .flags = 0x40000000u), BEGET_CALL(nothing), -EINVAL,
	               "0x40000000");
	expect_refusal(BEGET_OPTIONS(.method = method, .flags = BEGET_TIED | 0x80000000u), BEGET_CALL(nothing), -EINVAL,
	               "0x80000000");
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(absolute_directory),
		BEHAVIOUR(relative_directory),
		BEHAVIOUR(no_such_directory),
		BEHAVIOUR(directory_that_may_not_be_entered),
		BEHAVIOUR(given_environment),
		BEHAVIOUR(environment_can_be_changed),
		BEHAVIOUR(environment_of_the_caller),
		BEHAVIOUR(large_environment),
		BEHAVIOUR(bad_environment),
		BEHAVIOUR(name),
		BEHAVIOUR(name_in_command_line),
		BEHAVIOUR(groups_and_sessions),
		BEHAVIOUR(only_the_passed_descriptors),
		BEHAVIOUR(closing_leaves_the_streams),
		BEHAVIOUR(a_child_that_closed_all_can_start),
		BEHAVIOUR(unknown_streams),
		BEHAVIOUR(unknown_flags),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
