/* Callers in pid and user namespaces of their own. */
#include "host.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

enum { NOT_PERMITTED = 77 };

static enum beget_method by;

/* Becomes the first process of a new pid namespace, as unshare -pf does; the host waits for it. */
static void become_init(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		_exit(NOT_PERMITTED);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid > 0) {
		int status = host_end(pid);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void run_if_permitted(void (*body)(void), enum beget_method method)
{
	by = method;
	int status = host_end(host_start(body));
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

/* A process group that is led from outside has the number 0. */

static int group(void)
{
	return getpgrp();
}

static int group_of_grandchild(void)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, NULL, BEGET_CALL(group)) < 0 || beget_join(p, 10000, NULL) < 0)
		return -2;
	beget_result(p, &value);
	beget_free(p);
	return value;
}

static int leads_group(void)
{
	return getpgrp() == getpid();
}

static int int_with(const struct beget_options *o, const struct beget_call *call)
{
	struct beget_process *p;
	int value = -1;

	CHECK(beget_start(&p, o, call) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0);
	CHECK(beget_result(p, &value) == 0);
	beget_free(p);
	return value;
}

static void in_an_unseen_group(void)
{
	struct beget_server *s;

	become_init();
	CHECK(getpgrp() == 0);
	CHECK(host_int(by, BEGET_CALL(group)) == 0);
	CHECK(host_int(by, BEGET_CALL(group_of_grandchild)) == 0);
	CHECK(int_with(BEGET_OPTIONS(.method = by, .flags = BEGET_NEW_GROUP), BEGET_CALL(leads_group)) == 1);
	CHECK(int_with(BEGET_OPTIONS(.method = by, .flags = BEGET_NEW_SESSION), BEGET_CALL(leads_group)) == 1);
	CHECK(int_with(BEGET_OPTIONS(.method = by, .flags = BEGET_SERVER_STATE), BEGET_CALL(group)) == 0);
	if (by != BEGET_FORK) {
		CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 1, .prepare = BEGET_CALL(group))) == 0);
		CHECK(int_with(BEGET_OPTIONS(.method = by, .server = s), BEGET_CALL(group)) == 0);
		beget_server_close(s);
	}
	CHECK(setpgid(0, 0) == 0);
	CHECK(host_int(by, BEGET_CALL(group)) == 1);
}

static void unseen_group(enum beget_method method)
{
	run_if_permitted(in_an_unseen_group, method);
}

static const char *line_of_input(void)
{
	static char line[40];

	return fgets(line, sizeof(line), stdin) ? line : "end of file";
}

static char *terminal;

static void at_a_terminal(void)
{
	struct beget_process *p;
	struct beget_status status;
	char *line = NULL;

	CHECK(setsid() > 0);
	int fd = open(terminal, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0);
	CHECK(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	become_init();
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by), BEGET_CALL(line_of_input)) == 0);
	CHECK(beget_join(p, 10000, &status) == 0);
	CHECK(status.outcome == BEGET_EXITED && beget_result(p, &line) == 0 && strcmp(line, "typed\n") == 0);
	beget_free(p);
}

static void input_from_a_terminal(enum beget_method method)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || !(terminal = ptsname(master)) ||
	    access(terminal, F_OK) < 0)
		skip();
	assert_int_equal(write(master, "typed\n", 6), 6);
	by = method;
	fflush(NULL);
	pid_t host = fork(); /* not in a group of its own: it makes a session */
	if (host == 0) {
		alarm((unsigned)scaled(50));
		at_a_terminal();
		_exit(0);
	}
	int status = host_end(host);
	close(master);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(unseen_group),
		BEHAVIOUR(input_from_a_terminal),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
