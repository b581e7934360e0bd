/* Callers in their own pid and user namespaces. */
#include "host.h"
#include "os/fault.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static enum beget_method by;

/* Becomes the first process of a new pid namespace, like unshare -pf; the host waits for it. */
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

/* A process group whose leader is outside has the number 0. */

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
	by = method;
	run_host_if_permitted(in_an_unseen_group);
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
	pid_t host = fork(); /* the child does not lead a group, so it can create a session */
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

/* 0 while the caller is running, however little can be seen of it, or -EOPNOTSUPP if that cannot be known. */

static int older(const char *call)
{
	return strcmp(call, "peerpidfd") == 0 ? ENOPROTOOPT : 0;
}

static int looks_at_caller(int old)
{
	beget__fault_hook = old ? older : NULL;
	int fd = beget_caller_sentinel();

	return fd < 0 ? fd : poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0);
}

static int looks_without_proc(int old)
{
	return chroot("/sys") < 0 || access("/proc", F_OK) == 0 ? -1 : looks_at_caller(old);
}

static int looks_as_another_user(int old)
{
	return setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0
	               ? -1
	               : looks_at_caller(old);
}

static void expect_living_caller(int (*target)(int))
{
	int now = host_int(by, BEGET_CALL(target, 0)), then = host_int(by, BEGET_CALL(target, 1));

	CHECK(now == 0 || (now == -EOPNOTSUPP && then == now));
	CHECK(then == 0 || then == -EOPNOTSUPP);
}

static void in_a_child_without_proc(void)
{
	if (geteuid() != 0)
		_exit(NOT_PERMITTED);
	expect_living_caller(looks_without_proc);
}

static void with_processes_hidden(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
		_exit(NOT_PERMITTED);
	expect_living_caller(looks_as_another_user);
}

static void in_a_time_namespace(void)
{
	int fd = unshare(CLONE_NEWTIME) < 0 ? -1 : open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "7 100000 0", 10) != 10)
		_exit(NOT_PERMITTED);
	close(fd);
	expect_living_caller(looks_at_caller);
}

static int caller_pid(void)
{
	return beget_caller_pid();
}

static void in_a_pid_namespace(void)
{
	struct beget_process *p;

	if (unshare(CLONE_NEWPID) < 0)
		_exit(NOT_PERMITTED);
	if (by == BEGET_FORKSERVER)
		CHECK(beget_start(&p, NULL, BEGET_CALL(caller_pid)) == -EOPNOTSUPP);
	else
		CHECK(host_int(by, BEGET_CALL(looks_at_caller, 0)) == 0);
}

static void caller_from_another_pid_namespace(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		_exit(NOT_PERMITTED);
	CHECK(by == BEGET_FORKSERVER || host_int(by, BEGET_CALL(caller_pid)) == 0);
}

#define LIVING_CALLER(body)                                                                                            \
	static void living_caller_##body(enum beget_method method)                                                     \
	{                                                                                                              \
		by = method;                                                                                           \
		run_host_if_permitted(body);                                                                           \
	}
LIVING_CALLER(in_a_child_without_proc)
LIVING_CALLER(with_processes_hidden)
LIVING_CALLER(in_a_time_namespace)
LIVING_CALLER(in_a_pid_namespace)

static void caller_pid_from_another_pid_namespace(enum beget_method method)
{
	by = method;
	run_host_if_permitted(caller_from_another_pid_namespace);
}

/* Ties. */

static void tied_init(void)
{
	struct beget_process *p = NULL;

	if (unshare(CLONE_NEWPID) < 0)
		_exit(NOT_PERMITTED);
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, .flags = BEGET_TIED), BEGET_CALL(group)) == -EOPNOTSUPP);
	CHECK(!p && strstr(beget_error(), "init"));
	if (by != BEGET_FORKSERVER)
		CHECK(host_int(by, BEGET_CALL(group)) == 0); /* the earlier start has not used anything up */
}

static void a_tied_init(enum beget_method method)
{
	by = method;
	run_host_if_permitted(tied_init);
}

/* Monitors: in another pid namespace, the child's pid would be that of another process here. */

static void refuse_monitors(void)
{
	static const struct beget_options monitored[] = {
		{.size = sizeof(*monitored), .limit_ms = 10000},
		{.size = sizeof(*monitored), .flags = BEGET_TREE},
	};

	for (int i = 0; i < 2; i++) {
		struct beget_options o = monitored[i];
		struct beget_process *p = NULL;
		o.method = by;
		CHECK(beget_start(&p, &o, BEGET_CALL(group)) == -EOPNOTSUPP);
		CHECK(!p && strstr(beget_error(), "monitor"));
	}
}

static void monitored_elsewhere(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		_exit(NOT_PERMITTED);
	refuse_monitors();
	if (by != BEGET_FORKSERVER)
		CHECK(host_int(by, BEGET_CALL(group)) == 0); /* the earlier starts have not used anything up */
}

static void monitored_unseen(void)
{
	CHECK(host_int(by, BEGET_CALL(leads_group)) == 0);
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    umount2("/proc", MNT_DETACH) < 0 || access("/proc/self", F_OK) == 0)
		_exit(NOT_PERMITTED);
	refuse_monitors();
}

static void a_monitored_init(enum beget_method method)
{
	by = method;
	run_host_if_permitted(monitored_elsewhere);
}

static void a_monitored_child_without_proc(enum beget_method method)
{
	by = method;
	run_host_if_permitted(monitored_unseen);
}

static int said[2];

static void gives_up_root(struct beget_fd out)
{
	pid_t pid = getpid();

	if (setresuid(5, 5, 5) == 0 && write(out.fd, &pid, sizeof(pid)) == sizeof(pid))
		for (int i = 0; i < 60; i++)
			sleep(1);
}

static bool write_file(const char *name, pid_t pid, const char *text)
{
	char path[60];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

static int tied_start(const struct beget_call *call)
{
	struct beget_process *p;

	int error = beget_start(&p, BEGET_OPTIONS(.method = by, .flags = BEGET_TIED), call);
	CHECK(error == 0 || (error == -EOPNOTSUPP && strstr(beget_error(), "change its user id")));
	if (by != BEGET_FORKSERVER && error == 0)
		CHECK(beget_join(p, 10000, NULL) == 0);
	return error;
}

/* Becomes root of a user namespace, but not the root whose signals reach every process. */
static void become_root_of_a_namespace(void)
{
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(NOT_PERMITTED);
	CHECK(write(said[1], "u", 1) == 1);
	while (getuid() != 0 && poll(NULL, 0, 1) == 0)
		if (setresuid(0, 0, 0) < 0 && errno != EINVAL)
			_exit(1);
}

static void root_of_a_namespace(void)
{
	become_root_of_a_namespace();
	int error = tied_start(BEGET_CALL(gives_up_root, BEGET_FD(said[1])));
	CHECK(error == (by == BEGET_FORKSERVER ? 0 : -EOPNOTSUPP));
	for (; error == 0;)
		pause();
}

/* In a namespace with one user, the kernel does not let a child become another user. */
static void only_user_of_a_namespace(void)
{
	become_root_of_a_namespace();
	CHECK(tied_start(BEGET_CALL(group)) == 0);
}

static int tied_grandchild(int method)
{
	struct beget_process *p;

	return beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method, .flags = BEGET_TIED),
	                   BEGET_CALL(group));
}

/* The helper watches only its own caller; nested tied starts launch another helper. */
static void grandchild_in_a_namespace(void)
{
	become_root_of_a_namespace();
	CHECK(host_int(by, BEGET_CALL(tied_grandchild, BEGET_FORKSERVER)) ==
	      (by == BEGET_FORKSERVER ? -EOPNOTSUPP : 0));
}

static void user_that_can_become_others(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{1u << CAP_SETUID, 1u << CAP_SETUID, 0}, {0, 0, 0}};

	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setresuid(5, 5, 5) < 0 || syscall(SYS_capset, &header, data) < 0)
		_exit(NOT_PERMITTED);
	CHECK(tied_start(BEGET_CALL(group)) == (by == BEGET_FORKSERVER ? 0 : -EOPNOTSUPP));
	data[0] = data[1];
	CHECK(syscall(SYS_capset, &header, data) == 0 && tied_start(BEGET_CALL(group)) == 0);
}

static void a_tied_child_of_a_user_that_can_become_others(enum beget_method method)
{
	by = method;
	run_host_if_permitted(user_that_can_become_others);
}

static void run_in_a_namespace(void (*body)(void), enum beget_method method, const char *map)
{
	char byte;

	by = method;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid_t host = host_start(body);
	close(said[1]);
	bool mapped = read(said[0], &byte, 1) == 1 && write_file("uid_map", host, map);
	if (!mapped)
		kill(host, SIGKILL);
	int status = host_end(host);
	close(said[0]);
	if (!mapped)
		skip();
	assert_int_equal(status, 0);
}

static void a_tied_child_of_a_namespace(enum beget_method method)
{
	run_in_a_namespace(only_user_of_a_namespace, method, "0 1000 1");
	run_in_a_namespace(grandchild_in_a_namespace, method, "0 1000 100");
	if (method != BEGET_FORKSERVER)
		run_in_a_namespace(root_of_a_namespace, method, "0 1000 100");
}

static void a_tied_child_that_gives_up_root(enum beget_method method)
{
	pid_t pid = 0;
	char byte;

	by = method;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid_t host = host_start(root_of_a_namespace);
	close(said[1]);
	bool mapped = read(said[0], &byte, 1) == 1 && write_file("uid_map", host, "0 1000 100");
	bool there = mapped && read(said[0], &pid, sizeof(pid)) == sizeof(pid);
	kill(host, SIGKILL);
	host_end(host);
	close(said[0]);
	if (!mapped)
		skip();
	assert_true(there);
	assert_true(process_gone(pid, 5000));
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(unseen_group),
		BEHAVIOUR(input_from_a_terminal),
		BEHAVIOUR(a_tied_init),
		BEHAVIOUR(a_monitored_init),
		BEHAVIOUR(a_monitored_child_without_proc),
		BEHAVIOUR(a_tied_child_of_a_namespace),
		BEHAVIOUR(a_tied_child_of_a_user_that_can_become_others),
		BEHAVIOUR_OF(a_tied_child_that_gives_up_root, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(living_caller_in_a_child_without_proc),
		BEHAVIOUR(living_caller_with_processes_hidden),
		BEHAVIOUR(living_caller_in_a_time_namespace),
		BEHAVIOUR(living_caller_in_a_pid_namespace),
		BEHAVIOUR(caller_pid_from_another_pid_namespace),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
