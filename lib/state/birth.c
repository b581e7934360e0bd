/* State that nobody can take over, one can only be born with it: the session, the scheduling, the credentials, the
 * namespaces and the root directory. It is read and compared, so that a start that needs another goes to a helper that
 * is born in it. Runs in the caller; knows no other state. */
#include "state/birth.h"

#include "os/fd.h"
#include "wire/digest.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct beget__place beget__birth_place(const char *path)
{
	struct statx st;

	memset(&st, 0, sizeof(st));
	statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_EMPTY_PATH, STATX_INO | 0x1000 /* STATX_MNT_ID, Linux 5.8 */, &st);
	return (struct beget__place){st.stx_mnt_id, (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino};
}

/* Session. */

void beget__birth_read_session(struct beget__state *s, const char *status)
{
	(void)status;
	s->session = getsid(s->of);
}

bool beget__birth_session_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->session != born->session;
}

/* Scheduling of the calling thread; with SCHED_RESET_ON_FORK, what its children have of it. */

bool beget__birth_real_time(int policy)
{
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_FIFO || policy == SCHED_RR || policy == 6 /* SCHED_DEADLINE */;
}

void beget__birth_read_scheduling(struct beget__state *s, const char *status)
{
	struct sched_param parameter = {0};
	int policy = sched_getscheduler(s->of);

	(void)status;
	sched_getparam(s->of, &parameter);
	if (policy & SCHED_RESET_ON_FORK && beget__birth_real_time(policy)) {
		policy = SCHED_OTHER;
		parameter.sched_priority = 0;
	}
	s->scheduling.policy = policy & ~SCHED_RESET_ON_FORK;
	s->scheduling.priority = parameter.sched_priority;
	s->scheduling.io = (int32_t)syscall(SYS_ioprio_get, 1, s->of);
}

bool beget__birth_scheduling_differs(const struct beget__state *now, const struct beget__state *born)
{
	return memcmp(&now->scheduling, &born->scheduling, sizeof(now->scheduling)) != 0;
}

/* Credentials: all user and group ids, capabilities, no_new_privs, seccomp, as /proc tells them; and securebits. */

/* Between two texts; nothing where one of them is not there. */
static uint64_t digest_between(uint64_t h, const char *from, const char *to)
{
	return from && to && from < to ? beget__digest_add(h, from, (size_t)(to - from)) : h;
}

void beget__birth_read_credentials(struct beget__state *s, const char *status)
{
	static const char *const ranges[][2] = {
		{"\nUid:", "\nFDSize:"}, {"\nGroups:", "\nNStgid:"}, {"\nCapInh:", "\nSpeculation"}};
	uint64_t h = BEGET__DIGEST;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		h = digest_between(h, strstr(status, ranges[i][0]), strstr(status, ranges[i][1]));
	int securebits = s->of ? 0 : prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	s->credentials = beget__digest_add(h, &securebits, sizeof(securebits));
}

bool beget__birth_credentials_differ(const struct beget__state *now, const struct beget__state *born)
{
	return now->credentials != born->credentials;
}

/* Namespaces and root directory. Entering a namespace takes CAP_SYS_ADMIN, which an unprivileged process can only have
 * from a user namespace of its own: so without that capability, one look is enough. A mount namespace has mounts of its
 * own, the root directory's among them. */

void beget__birth_read_namespaces(struct beget__state *s, const char *status)
{
	static const char *const names[] = {
		"user", "net", "uts", "ipc", "cgroup", "pid_for_children", "time_for_children"};
	const char *effective = strstr(status, "\nCapEff:");
	bool admin = effective && (strtoull(effective + 8, NULL, 16) & 1u << CAP_SYS_ADMIN);
	char path[40] = "/proc/thread-self/ns", root[40] = "/", text[64];
	struct beget__place place;

	if (s->of) {
		snprintf(path, sizeof(path), "/proc/%d/ns", (int)s->of);
		snprintf(root, sizeof(root), "/proc/%d/root", (int)s->of);
	}
	place = beget__birth_place(root);
	uint64_t h = beget__digest_add(BEGET__DIGEST, &place, sizeof(place));
	int dir = beget__fd_open(path, O_PATH | O_DIRECTORY);
	for (size_t i = 0; i < (admin ? sizeof(names) / sizeof(*names) : 1); i++) {
		ssize_t n = readlinkat(dir, names[i], text, sizeof(text));
		h = beget__digest_add(h, text, n > 0 ? (size_t)n : 0);
	}
	if (dir >= 0)
		beget__fd_close(&dir);
	s->namespaces = h;
}

bool beget__birth_namespaces_differ(const struct beget__state *now, const struct beget__state *born)
{
	return now->namespaces != born->namespaces;
}
