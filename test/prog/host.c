/* A host for unusual environments: starts with all methods, loses its helper, starts again, and looks for processes
 * that are left. Usage: host [subreaper]. Exits with 0 on success. */
#include <beget.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int reaper; /* orphans become our children */

static int parent(void)
{
	return (int)getppid();
}

/* Waits until no process has that pid, or it is in one of these states. */
static int gone(pid_t pid, const char *states)
{
	char path[40], state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < 2000; i++) {
		FILE *f = fopen(path, "r");
		if (!f)
			return 1;
		int known = fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && strchr(states, state);
		fclose(f);
		if (known)
			return 1;
		usleep(5000);
	}
	fprintf(stderr, "process %d does not go\n", (int)pid);
	return 0;
}

/* Returns the target's result, or -1; its process has been reaped. */
static int by(enum beget_method method)
{
	struct beget_process *process;
	int result = -1;
	pid_t pid;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(parent)) < 0 ||
	    (pid = beget_pid(process)) < 0 || beget_join(process, 30000, NULL) < 0 ||
	    beget_result(process, &result) < 0) {
		fprintf(stderr, "method %d: %s\n", (int)method, beget_error());
		return -1;
	}
	beget_free(process);
	return gone(pid, "") ? result : -1;
}

static int all_methods(void)
{
	return by(BEGET_FORK) == getpid() && by(BEGET_SPAWN) == getpid() && by(BEGET_FORKSERVER) > 0;
}

static void sleeper(void)
{
	for (;;)
		pause();
}

/* Kills the helper while a child of it is running, and then the child. */
static int lose_helper(void)
{
	struct beget_process *process;
	struct beget_status status;
	pid_t helper = (pid_t)by(BEGET_FORKSERVER);

	if (helper <= 1 || helper == getpid() || beget_start(&process, NULL, BEGET_CALL(sleeper)) < 0)
		return 0;
	pid_t pid = beget_pid(process);
	if (kill(helper, SIGKILL) < 0 || !gone(helper, "Z") || beget_join(process, 20, &status) != -ETIMEDOUT ||
	    beget_kill(process, SIGTERM) < 0 || beget_join(process, 30000, &status) < 0)
		return 0;
	beget_free(process);
	if (status.outcome == BEGET_SIGNALED && status.code == SIGTERM)
		return gone(pid, reaper ? "" : "Z"); /* otherwise init reaps it */
	fprintf(stderr, "a child without helper: outcome %d, code %d\n", (int)status.outcome, status.code);
	return 0;
}

/* No child may be left except the helper; a zombie would be found here. */
static int nothing_left(void)
{
	siginfo_t info;

	info.si_pid = 0;
	int found = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	if (found < 0)
		return errno == ECHILD;
	if (info.si_pid)
		fprintf(stderr, "process %d is left over\n", (int)info.si_pid);
	return info.si_pid == 0;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	if (argc > 1 && strcmp(argv[1], "subreaper") == 0)
		reaper = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	reaper |= getpid() == 1;
	if (!all_methods())
		return 1;
	for (int i = 0; i < 3; i++)
		if (!lose_helper() || !all_methods() || !nothing_left())
			return 1;
	return 0;
}
