/* Faults in any process of a test: the caller, its helper and their children share one plan, in a file that each of
 * them maps. Executed processes find the file through FAULT_FILE. */
#ifndef PLAN_H
#define PLAN_H

#include "os/fault.h"
#include "os/trace.h"
#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

/* What is to fail, where, and how often it has failed. */
static struct plan {
	char role[8];    /* caller, helper or child; "": all */
	char calls[160]; /* names, each between two spaces */
	int error;
	int nth; /* 0: every call */
	int seen, hits;
} * plan;

static const char *plan_file;

static inline int ask(const char *call)
{
	char name[40];

	snprintf(name, sizeof(name), " %s ", call);
	if ((plan->role[0] && strcmp(plan->role, beget__trace_role) != 0) || !strstr(plan->calls, name))
		return 0;
	int seen = __atomic_add_fetch(&plan->seen, 1, __ATOMIC_RELAXED);
	if (plan->nth && seen != plan->nth)
		return 0;
	__atomic_add_fetch(&plan->hits, 1, __ATOMIC_RELAXED);
	return plan->error;
}

static inline void map_plan(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		_exit(125);
	close(fd);
	plan = p;
}

static inline void make_plan(void)
{
	static char path[] = "/tmp/fault_calls.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || ftruncate(fd, sizeof(*plan)) < 0)
		_exit(125);
	close(fd);
	map_plan(path);
	plan_file = path;
}

/* From now on; also in forked copies of the caller. */
static inline void arm(const char *role, const char *calls, int nth, int error)
{
	snprintf(plan->role, sizeof(plan->role), "%s", role);
	snprintf(plan->calls, sizeof(plan->calls), "%s", calls);
	plan->error = error;
	plan->nth = nth;
	plan->seen = plan->hits = 0;
	beget__fault_hook = ask;
}

static inline int disarm(void)
{
	beget__fault_hook = NULL;
	plan->calls[0] = '\0'; /* for processes that have had the hook from the start */
	return plan->hits;
}

static inline bool has_children(pid_t pid)
{
	char path[60];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "re");
	bool some = f && fgetc(f) != EOF;
	if (f)
		fclose(f);
	return some;
}

static inline void no_helper(void)
{
	pid_t helper = helper_pid();

	/* A child that was just forked still holds its parent's socket, and messages sent to it would be lost. */
	for (int64_t end = now_ms() + 1000; has_children(helper) && now_ms() < end;)
		sleep_ms(1);
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_true(process_gone(helper, 5000));
}

/* Restarts with a helper, or spawned children, that have the hook from the start. */
static inline void born_with_faults(void)
{
	no_helper();
	setenv("FAULT_FILE", plan_file, 1);
	helper_pid();
}

static inline void born_without(void)
{
	unsetenv("FAULT_FILE");
	no_helper();
	helper_pid();
}

/* Use it instead of beget_init. */
static inline void plan_begin(int argc, char **argv)
{
	const char *inherited = getenv("FAULT_FILE");

	if (inherited) {
		map_plan(inherited);
		beget__fault_hook = ask;
	}
	beget_init(argc, argv);
	make_plan();
}

#endif
