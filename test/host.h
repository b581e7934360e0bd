/* A separate program for a test: a forked host in its own process group, which may ignore, close, kill and fork
 * anything. It reports by its exit code. It uses CHECK, which prints where it failed, because cmocka's assertions must
 * not run in it. */
#ifndef HOST_H
#define HOST_H

#include "harness.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			dprintf(STDERR_FILENO, "# %s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, beget_error());   \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static inline pid_t host_start(void (*body)(void))
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		alarm((unsigned)scaled(50));
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	setpgid(pid, pid); /* in parent and child, because either may run first */
	return pid;
}

/* Waits for its end and returns the wait status. */
static inline int host_end(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static inline void run_host(void (*body)(void))
{
	assert_int_equal(host_end(host_start(body)), 0);
}

/* The same for a host that exits with NOT_PERMITTED where it cannot do what it tests: then the test is skipped. */
enum { NOT_PERMITTED = 77 };

static inline void run_host_if_permitted(void (*body)(void))
{
	int status = host_end(host_start(body));

	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

/* For hosts: gives up root, which many restrictions do not bind. */
static inline void become_ordinary(void)
{
	if (geteuid() == 0)
		CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
		      setresuid(65534, 65534, 65534) == 0);
}

/* For hosts: starts, joins and frees one process and returns its result. A failure ends the host. */
static inline int host_int(enum beget_method method, const struct beget_call *call)
{
	struct beget_process *p;
	int value = -1;

	CHECK(beget_start(&p, BEGET_OPTIONS(.method = method), call) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0);
	CHECK(beget_result(p, &value) == 0);
	beget_free(p);
	return value;
}

static inline int host_parent_of(void)
{
	return (int)getppid();
}

/* For hosts: the pid of their helper, launched if necessary. */
static inline pid_t host_helper(void)
{
	return host_int(BEGET_FORKSERVER, BEGET_CALL(host_parent_of));
}

/* For hosts: the number of SIGCHLDs, if this handler is installed. */
static volatile sig_atomic_t signalled;

static inline void on_child(int n)
{
	(void)n;
	signalled++;
}

/* A number from a line of /proc/PID/status. -1: no such line or process. */
static inline long proc_number(pid_t pid, const char *name)
{
	char path[40], line[256];
	long number = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			sscanf(line + strlen(name) + 1, "%ld", &number);
	if (f)
		fclose(f);
	return number;
}

#endif
