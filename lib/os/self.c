/* Attributes of this process and the calling thread.
 * Runs in every process. */
#include "os/self.h"

#include "os/fault.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/procfs.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In a page that the kernel clears in each forked copy of this process, whichever function forks. NULL: the kernel is
 * too old. */
static _Atomic pid_t *wiped;

static void make_wiped(void)
{
	enum { SIZE = sizeof(*wiped) };
	void *page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, SIZE, MADV_WIPEONFORK) == 0)
		wiped = page;
	else
		munmap(page, SIZE);
}

pid_t beget__self_pid(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_wiped);
	pid_t pid = wiped ? *wiped : 0;
	if (pid)
		return pid;
	pid = getpid();
	if (wiped)
		*wiped = pid;
	return pid;
}

int beget__self_session(pid_t pid, int32_t *ret)
{
	FAULT("getsid", -fault);
	pid_t session = getsid(pid);
	if (session < 0)
		return -errno;
	*ret = session;
	return 0;
}

int beget__self_limit(pid_t pid, int resource, struct rlimit *ret)
{
	struct rlimit limit;

	FAULT("prlimit", -fault);
	if (prlimit(pid, (beget__libc_resource)resource, NULL, &limit) < 0)
		return -errno;
	*ret = limit;
	return 0;
}

int beget__self_nice(pid_t pid, int32_t *ret)
{
	FAULT("getpriority", -fault);
	errno = 0; /* -1 is also a valid nice value */
	int nice = getpriority(PRIO_PROCESS, (id_t)pid);
	if (nice == -1 && errno)
		return -errno;
	*ret = nice;
	return 0;
}

int beget__self_scheduling(pid_t pid, struct beget__scheduling *ret)
{
	struct sched_param parameter;

	FAULT("sched_getscheduler", -fault);
	/* The functions of musl always fail, because POSIX requires that they act on all threads of a process. */
	long policy = syscall(SYS_sched_getscheduler, pid);
	if (policy < 0 || syscall(SYS_sched_getparam, pid, &parameter) < 0)
		return -errno;
	long io = syscall(SYS_ioprio_get, 1 /* 1 is IOPRIO_WHO_PROCESS */, pid);
	if (io < 0 && errno != ENOSYS)
		return -errno;
	*ret = (struct beget__scheduling){(int32_t)policy, parameter.sched_priority, (int32_t)io};
	return 0;
}

int beget__self_group(pid_t pid, int32_t *ret)
{
	FAULT("getpgrp", -fault);
	pid_t group = getpgid(pid); /* with musl, getpgrp returns a negative errno */
	if (group < 0)
		return -errno;
	*ret = group;
	return 0;
}

int beget__self_affinity(void *set, size_t size)
{
	FAULT("sched_getaffinity", -fault);
	memset(set, 0, size); /* the kernel writes only as many bytes as its mask has */
	return syscall(SYS_sched_getaffinity, 0, size, set) < 0 ? -errno : 0;
}

static int personality_call(uint32_t *ret)
{
	FAULT("personality", -fault);
	int now = personality(0xffffffff);
	if (now == -1)
		return -errno;
	*ret = (uint32_t)now;
	return 0;
}

/* A filter that locks the personality also refuses to report it; the file can still be read. */
int beget__self_personality(uint32_t *ret)
{
	struct beget__text text;

	int error = personality_call(ret);
	if (!error)
		return 0;
	if (beget__procfs_read(&text, "/proc/thread-self/personality") == 0 && text.size > 0) {
		*ret = (uint32_t)strtoul(text.text, NULL, 16);
		error = 0;
	}
	beget__procfs_free(&text);
	return error;
}

static int ask(int option, unsigned long argument, int32_t *ret)
{
	FAULT("prctl", -fault);
	int answer = prctl(option, argument, 0, 0, 0);
	if (answer < 0 && errno != EINVAL) /* EINVAL: the kernel lacks it */
		return -errno;
	*ret = answer;
	return 0;
}

int beget__self_timer_slack(int32_t *ret)
{
	return ask(PR_GET_TIMERSLACK, 0, ret);
}

int beget__self_dumpable(int32_t *ret)
{
	return ask(PR_GET_DUMPABLE, 0, ret);
}

int beget__self_securebits(int32_t *ret)
{
	return ask(PR_GET_SECUREBITS, 0, ret);
}

static int capabilities(int call, uint32_t words[6])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	FAULT(call == SYS_capget ? "capget" : "capset", -fault);
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){words[3 * i], words[3 * i + 1], words[3 * i + 2]};
	if (syscall(call, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		words[3 * i] = data[i].effective;
		words[3 * i + 1] = data[i].permitted;
		words[3 * i + 2] = data[i].inheritable;
	}
	return 0;
}

int beget__self_capabilities(uint32_t words[6])
{
	return capabilities(SYS_capget, words);
}

int beget__self_set_capabilities(const uint32_t words[6])
{
	uint32_t copy[6];

	memcpy(copy, words, sizeof(copy));
	return capabilities(SYS_capset, copy);
}

uint32_t beget__self_umask(void)
{
	mode_t now = umask(077);

	umask(now);
	return now;
}

/* A bit for each capability that the kernel knows; prctl reports the set one by one. */
static int capability_set(int option, int suboption, uint64_t *ret)
{
	uint64_t set = 0;

	for (unsigned long i = 0; i < 64; i++) {
		FAULT("prctl", -fault);
		int has = suboption ? prctl(option, suboption, i, 0, 0) : prctl(option, i, 0, 0, 0);
		if (has < 0 && errno != EINVAL)
			return -errno;
		if (has < 0)
			break;
		set |= (uint64_t)(has > 0) << i;
	}
	*ret = set;
	return 0;
}

#ifndef SYS_getresuid32 /* only on machines where uids once had 16 bits */
#define SYS_getresuid32 SYS_getresuid
#endif

/* The kernel's ids, to be compared with the ids that it reports for sockets: under fakeroot, libc reports others. */
int beget__self_users(uid_t ids[3])
{
	FAULT("getresuid", -fault);
	return syscall(SYS_getresuid32, &ids[0], &ids[1], &ids[2]) < 0 ? -errno : 0;
}

bool beget__self_ids_mixed(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

/* The number of user ids in this namespace. *all: the namespace contains all ids of the kernel, unchanged. */
static int count_users(uint64_t *ret, bool *all)
{
	unsigned long inside, outside, count;
	struct beget__text map;
	uint64_t sum = 0;
	int n;

	*all = false;
	int error = beget__procfs_read(&map, "/proc/self/uid_map");
	for (const char *line = map.text; !error && sscanf(line, "%lu %lu %lu%n", &inside, &outside, &count, &n) == 3;
	     line += n) {
		sum += count;
		*all |= inside == 0 && outside == 0 && count == UINT32_MAX;
	}
	beget__procfs_free(&map);
	*ret = sum;
	return error;
}

/* The kernel compares the user ids of the process that set up a signal with those of the receiver, and ignores
 * capabilities. Only signals of the root user outside all user namespaces reach every process. */
int beget__self_children_may_escape(void)
{
	uint64_t users;
	uint32_t capabilities[6];
	uid_t ids[3];
	bool all;

	bool known = beget__self_users(ids) == 0 && beget__self_capabilities(capabilities) == 0;
	bool equal = known && ids[0] == ids[1] && ids[1] == ids[2];
	if (equal && ids[1] != 0 && !(capabilities[1] & 1u << CAP_SETUID))
		return 0;
	int error = count_users(&users, &all);
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return error;
	return error || (users != 1 && !(known && all && ids[1] == 0));
}

static int users_and_groups(struct beget__rights *r)
{
	int error = beget__self_users(r->users);

	if (error)
		return error;
	if (getresgid(&r->groups[0], &r->groups[1], &r->groups[2]) < 0)
		return -errno;
	r->users[3] = (uint32_t)setfsuid((uid_t)-1); /* an invalid id changes nothing and returns the current one */
	r->groups[3] = (uint32_t)setfsgid((gid_t)-1);
	return 0;
}

int beget__self_rights(struct beget__rights *ret)
{
	struct beget__rights r;
	int32_t filters = 0;

	memset(&r, 0, sizeof(r));
	int error = users_and_groups(&r);
	if (!error)
		error = beget__self_capabilities(r.capabilities);
	if (!error)
		error = capability_set(PR_CAPBSET_READ, 0, &r.bounding);
	if (!error)
		error = capability_set(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, &r.ambient);
	if (!error)
		error = ask(PR_GET_NO_NEW_PRIVS, 0, &r.no_new_privs);
	if (!error)
		error = ask(PR_GET_SECCOMP, 0, &filters);
	if (!error && filters > 0)
		error = -ENODATA;
	if (!error)
		memcpy(ret, &r, sizeof(r));
	return error;
}

int beget__self_groups(gid_t **ret, size_t *n)
{
	FAULT("getgroups", -fault);
	int count = getgroups(0, NULL);
	if (count < 0)
		return -errno;
	gid_t *groups = beget__mem_alloc(((size_t)count + 1) * sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	count = getgroups(count, groups);
	if (count < 0) {
		int error = -errno;
		free(groups);
		return error;
	}
	*ret = groups;
	*n = (size_t)count;
	return 0;
}

bool beget__self_leads_session(void)
{
	return getsid(0) == getpid();
}

int beget__self_new_session(void)
{
	FAULT("setsid", -fault);
	return setsid() < 0 ? -errno : 0;
}

/* Async-signal-safe. */
int beget__self_join_group(pid_t group)
{
	FAULT("setpgid", -fault);
	return setpgid(0, group) < 0 ? -errno : 0;
}

bool beget__self_group_gone(pid_t group)
{
	return group > 1 && kill(-group, 0) < 0 && errno == ESRCH;
}

int beget__self_set_limit(int resource, const struct rlimit *limit)
{
	FAULT("setrlimit", -fault);
	return setrlimit((beget__libc_resource)resource, limit) < 0 ? -errno : 0;
}

int beget__self_no_new_privs(void)
{
	FAULT("no_new_privs", -fault);
	return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

int beget__self_set_nice(int nice)
{
	FAULT("setpriority", -fault);
	return setpriority(PRIO_PROCESS, 0, nice) < 0 ? -errno : 0;
}

int beget__self_set_affinity(const void *set, size_t size)
{
	FAULT("sched_setaffinity", -fault);
	return syscall(SYS_sched_setaffinity, 0, size, set) < 0 ? -errno : 0;
}

int beget__self_set_personality(uint32_t value)
{
	FAULT("personality", -fault);
	return personality(value) < 0 ? -errno : 0;
}

int beget__self_set_timer_slack(int32_t ns)
{
	FAULT("prctl", -fault);
	return prctl(PR_SET_TIMERSLACK, (unsigned long)(uint32_t)ns, 0, 0, 0) < 0 ? -errno : 0;
}

int beget__self_set_dumpable(bool dumpable)
{
	FAULT("prctl", -fault);
	return prctl(PR_SET_DUMPABLE, dumpable ? 1UL : 0UL, 0, 0, 0) < 0 ? -errno : 0;
}

void beget__self_set_umask(uint32_t mask)
{
	umask((mode_t)mask);
}

void beget__self_set_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}
