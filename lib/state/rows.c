/* The table of state: each row is a piece of state that a child takes over from the caller of the moment, with how it
 * is read there, when it has to travel, how it is taken over in the child, and when no running helper can give it. For
 * what none ever can, state_birth.c has the functions.
 * Reading and writing run in the caller, taking over in the child. Knows no method and no process. */
#include "state/rows.h"

#include "os/fd.h"
#include "os/mem.h"
#include "state/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* Standard streams: the descriptors themselves, closed ones stay closed. */

static void read_streams(struct beget__state *s, const char *status)
{
	(void)status;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		s->stream[fd] = fcntl(fd, F_GETFD) < 0 ? -1 : fd;
}

static int put_streams(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	uint32_t open = 0, closed = 0;
	int error = 0;

	(void)opened;
	for (int i = 0; i < 3; i++) {
		open |= (uint32_t)(s->stream[i] >= 0) << i;
		closed |= (uint32_t)(s->stream[i] == -1) << i;
	}
	beget__bytes_put_u32(w, open);
	beget__bytes_put_u32(w, closed);
	for (int i = 0; i < 3 && !error; i++)
		if (s->stream[i] >= 0)
			error = beget__fds_put(w, fds, s->stream[i]);
	return error;
}

static int get_streams(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	uint32_t open = beget__bytes_get_u32(r), closed = beget__bytes_get_u32(r);

	if (open & closed || (open | closed) > 7)
		return -EBADMSG;
	for (int i = 0; i < 3; i++) {
		int fd = open & 1u << i ? beget__fds_get(r, fds, false) : closed & 1u << i ? -1 : BEGET__AS_IS;
		if ((open & 1u << i) && fd < 0)
			return fd;
		s->stream[i] = fd;
	}
	return 0;
}

static int apply_streams(const struct beget__state *s)
{
	int up[3];
	bool moved[3] = {false};

	/* First all out of the way, for they may be each other's numbers in a forked child. */
	for (int i = 0; i < 3; i++) {
		up[i] = s->stream[i];
		if (up[i] >= 0 && up[i] <= STDERR_FILENO && up[i] != i) {
			if ((up[i] = beget__fd_dup(up[i])) < 0)
				return up[i];
			moved[i] = true;
		}
	}
	for (int i = 0; i < 3; i++) {
		if (s->stream[i] == -1)
			close(i);
		else if (up[i] == i)
			fcntl(i, F_SETFD, 0);
		else if (up[i] >= 0 && dup2(up[i], i) < 0)
			return -errno;
		if (moved[i])
			beget__fd_close(&up[i]);
	}
	return 0;
}

/* A session of its own can be made; no other can be joined. */

static int get_own_session(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	unsigned char own; /* any byte is none that a bool can be */

	(void)fds;
	beget__bytes_get(r, &own, sizeof(own));
	if (own > 1)
		return -EBADMSG;
	s->own_session = own;
	return 0;
}

static int apply_own_session(const struct beget__state *s)
{
	return s->own_session && setsid() < 0 ? -errno : 0;
}

/* Process group: the helper lives in one of its own, its children in the caller's. */

static void read_group(struct beget__state *s, const char *status)
{
	(void)status;
	s->group = getpgrp();
}

static bool group_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->group != born->group && !now->own_session;
}

static int apply_group(const struct beget__state *s)
{
	if (getsid(0) == getpid()) /* by the row before: it leads its group, and can be in no other */
		return 0;
	if (setpgid(0, s->group) == 0)
		return 0;
	int error = -errno;
	if (s->group <= 1 || kill(-s->group, 0) == 0 || errno != ESRCH)
		return error;
	return setpgid(0, 0) < 0 ? -errno : 0; /* the caller has ended, and its group with it */
}

/* Resource limits. */

static void read_limits(struct beget__state *s, const char *status)
{
	(void)status;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		prlimit(s->of, (__rlimit_resource_t)i, NULL, &s->limits[i]);
}

static int apply_limits(const struct beget__state *s)
{
	struct rlimit mine;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		const struct rlimit *theirs = &s->limits[i];
		getrlimit((__rlimit_resource_t)i, &mine);
		if (memcmp(&mine, theirs, sizeof(mine)) != 0 && setrlimit((__rlimit_resource_t)i, theirs) < 0)
			return -errno;
	}
	return 0;
}

static bool limits_beyond(const struct beget__state *now, const struct beget__state *born)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (now->limits[i].rlim_max > born->limits[i].rlim_max)
			return true;
	return false;
}

/* Nice value and affinity of the calling thread; with SCHED_RESET_ON_FORK, what its children have of it. */

static void read_nice(struct beget__state *s, const char *status)
{
	(void)status;
	s->nice = getpriority(PRIO_PROCESS, (id_t)s->of);
	if (s->nice == 0)
		return;
	int policy = sched_getscheduler(s->of);
	if (policy & SCHED_RESET_ON_FORK && (s->nice < 0 || beget__birth_real_time(policy)))
		s->nice = 0;
}

static int apply_nice(const struct beget__state *s)
{
	return setpriority(PRIO_PROCESS, 0, s->nice) < 0 ? -errno : 0;
}

static bool nice_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return now->nice < born->nice;
}

static void read_affinity(struct beget__state *s, const char *status)
{
	(void)status;
	memset(s->affinity, 0, sizeof(s->affinity));
	syscall(SYS_sched_getaffinity, 0, sizeof(s->affinity), s->affinity);
}

static int apply_affinity(const struct beget__state *s)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(s->affinity), s->affinity) < 0 ? -errno : 0;
}

/* Process attributes. */

static void read_personality(struct beget__state *s, const char *status)
{
	(void)status;
	s->personality = (uint32_t)personality(0xffffffff);
}

static int apply_personality(const struct beget__state *s)
{
	return personality(s->personality) < 0 ? -errno : 0;
}

static void read_timer_slack(struct beget__state *s, const char *status)
{
	(void)status;
	s->timer_slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

static int apply_timer_slack(const struct beget__state *s)
{
	return prctl(PR_SET_TIMERSLACK, (unsigned long)(uint32_t)s->timer_slack, 0, 0, 0) < 0 ? -errno : 0;
}

static void read_dumpable(struct beget__state *s, const char *status)
{
	(void)status;
	s->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
}

static int apply_dumpable(const struct beget__state *s)
{
	return prctl(PR_SET_DUMPABLE, s->dumpable == 1 ? 1UL : 0UL, 0, 0, 0) < 0 ? -errno : 0;
}

/* Capabilities: exec gives root back what it dropped; that is taken away again. What exec takes, none can give. */

static int capabilities(int call, uint32_t words[6])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

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

static void read_capabilities(struct beget__state *s, const char *status)
{
	(void)status;
	capabilities(SYS_capget, s->capabilities);
}

static int apply_capabilities(const struct beget__state *s)
{
	uint32_t mine[6] = {0};
	bool more = false;

	int error = capabilities(SYS_capget, mine);
	for (int i = 0; i < 6; i++) {
		more |= mine[i] & ~s->capabilities[i];
		mine[i] &= s->capabilities[i];
	}
	return error || !more ? error : capabilities(SYS_capset, mine);
}

/* File mode creation mask. Reading it by setting it would race with other threads: /proc tells it, else we must. */

static void read_umask(struct beget__state *s, const char *status)
{
	const char *line = strstr(status, "\nUmask:");

	if (line) {
		s->umask = (uint32_t)strtoul(line + 7, NULL, 8);
		return;
	}
	s->umask = umask(077);
	umask((mode_t)s->umask);
}

static int apply_umask(const struct beget__state *s)
{
	umask((mode_t)s->umask);
	return 0;
}

/* Ignored signals; handlers cannot travel and are defaults in the child. */

static void read_ignored(struct beget__state *s, const char *status)
{
	const char *line = strstr(status, "\nSigIgn:");
	struct sigaction action;

	s->ignored = line ? strtoull(line + 8, NULL, 16) : 0;
	for (int n = 1; !line && n < NSIG && n <= 64; n++)
		if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			s->ignored |= UINT64_C(1) << (n - 1);
	s->ignored &= ~(UINT64_C(3) << 31); /* 32 and 33 are libc's own: it lets nobody touch them */
}

static int apply_ignored(const struct beget__state *s)
{
	for (int n = 1; n < NSIG && n <= 64; n++) {
		/* libc keeps some real-time signals for itself and refuses them: they stay as they are */
		if (n != SIGKILL && n != SIGSTOP)
			(void)signal(n, s->ignored & UINT64_C(1) << (n - 1) ? SIG_IGN : SIG_DFL);
	}
	return 0;
}

/* Environment: as getenv reads it. */

static void read_env(struct beget__state *s, const char *status)
{
	(void)status;
	s->env = environ;
}

static bool env_differs(const struct beget__state *now, const struct beget__state *born)
{
	char **a = now->env, **b = born->env;

	if (a == b)
		return false;
	if (!a || !b)
		return (a && *a) || (b && *b);
	for (; *a && *b; a++, b++)
		if (*a != *b && strcmp(*a, *b) != 0)
			return true;
	return *a || *b;
}

bool beget__rows_env_differ(const struct beget__state *now, const struct beget__state *born)
{
	return env_differs(now, born);
}

static int put_env(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	uint64_t n = 0;

	(void)fds, (void)opened;
	while (s->env && s->env[n])
		n++;
	beget__bytes_put_u64(w, n);
	for (uint64_t i = 0; i < n; i++)
		beget__bytes_put_string(w, s->env[i]);
	return 0;
}

static int get_env(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	uint64_t n = beget__bytes_get_u64(r);

	(void)fds;
	if (r->bad || n > (r->size - r->at) / sizeof(uint64_t)) /* each entry has at least its length */
		return -EBADMSG;
	char **env = beget__mem_alloc((n + 1) * sizeof(*env));
	if (!env)
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++)
		if (!(env[i] = (char *)beget__bytes_get_string(r)))
			return free(env), -EBADMSG;
	s->env = env;
	return 0;
}

static int apply_env(const struct beget__state *s)
{
	environ = s->env;
	return 0;
}

/* Working directory: the directory itself, so that a renamed or removed one is no matter. */

static void read_cwd(struct beget__state *s, const char *status)
{
	char path[40] = ""; /* not ".", which asks for the right to search it */

	(void)status;
	if (s->of)
		snprintf(path, sizeof(path), "/proc/%d/cwd", (int)s->of);
	s->cwd = beget__birth_place(path);
}

static bool cwd_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->cwd_fd >= 0 || memcmp(&now->cwd, &born->cwd, sizeof(now->cwd)) != 0;
}

/* Nobody can enter a directory that may not be searched; one can only be born in it. */
static bool cwd_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return now->cwd_fd < 0 && cwd_differs(now, born) && faccessat(AT_FDCWD, ".", X_OK, AT_EACCESS) < 0;
}

static int put_cwd(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	if (s->cwd_fd >= 0)
		return beget__fds_put(w, fds, s->cwd_fd);
	*opened = beget__fd_open(".", O_PATH | O_DIRECTORY);
	return *opened < 0 ? *opened : beget__fds_put(w, fds, *opened);
}

static int get_cwd(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	int fd = beget__fds_get(r, fds, false);

	s->cwd_fd = fd;
	return fd < 0 ? fd : 0;
}

static int apply_cwd(const struct beget__state *s)
{
	return fchdir(s->cwd_fd) < 0 ? -errno : 0;
}

/* Signal mask of the calling thread. */

static void read_mask(struct beget__state *s, const char *status)
{
	(void)status;
	memset(&s->mask, 0, sizeof(s->mask)); /* libc fills only what the kernel knows */
	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
}

static int apply_mask(const struct beget__state *s)
{
	return -pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}

#define VALUE(member) offsetof(struct beget__state, member), sizeof(((struct beget__state *)0)->member)

/* Streams first, for the other rows' errors may be traced there; rights after what may need them; the mask last, so
 * that no signal comes between. */
/* clang-format off */
const struct beget__row beget__rows[BEGET__ROWS] = {
	/* name                     value                read                           differs                          put          get              apply               beyond                           lost */
	{"the standard streams",    VALUE(stream),       read_streams,                  NULL,                            put_streams, get_streams,     apply_streams,      NULL,                            false},
	{"the session",             VALUE(session),      beget__birth_read_session,     beget__birth_session_differs,    NULL,        NULL,            NULL,               beget__birth_session_differs,    false},
	{"a session of its own",    VALUE(own_session),  NULL,                          NULL,                            NULL,        get_own_session, apply_own_session,  NULL,                            false},
	{"the process group",       VALUE(group),        read_group,                    group_differs,                   NULL,        NULL,            apply_group,        NULL,                            false},
	{"the credentials",         VALUE(credentials),  beget__birth_read_credentials, beget__birth_credentials_differ, NULL,        NULL,            NULL,               beget__birth_credentials_differ, false},
	{"the namespaces and root", VALUE(namespaces),   beget__birth_read_namespaces,  beget__birth_namespaces_differ,  NULL,        NULL,            NULL,               beget__birth_namespaces_differ,  false},
	{"the scheduling",          VALUE(scheduling),   beget__birth_read_scheduling,  beget__birth_scheduling_differs, NULL,        NULL,            NULL,               beget__birth_scheduling_differs, false},
	{"the resource limits",     VALUE(limits),       read_limits,                   NULL,                            NULL,        NULL,            apply_limits,       limits_beyond,                   false},
	{"the nice value",          VALUE(nice),         read_nice,                     NULL,                            NULL,        NULL,            apply_nice,         nice_beyond,                     false},
	{"the CPU affinity",        VALUE(affinity),     read_affinity,                 NULL,                            NULL,        NULL,            apply_affinity,     NULL,                            false},
	{"the personality",         VALUE(personality),  read_personality,              NULL,                            NULL,        NULL,            apply_personality,  NULL,                            true},
	{"the timer slack",         VALUE(timer_slack),  read_timer_slack,              NULL,                            NULL,        NULL,            apply_timer_slack,  NULL,                            false},
	{"the umask",               VALUE(umask),        read_umask,                    NULL,                            NULL,        NULL,            apply_umask,        NULL,                            false},
	{"the ignored signals",     VALUE(ignored),      read_ignored,                  NULL,                            NULL,        NULL,            apply_ignored,      NULL,                            false},
	{"the environment",         VALUE(env),          read_env,                      env_differs,                     put_env,     get_env,         apply_env,          NULL,                            false},
	{"the working directory",   VALUE(cwd),          read_cwd,                      cwd_differs,                     put_cwd,     get_cwd,         apply_cwd,          cwd_beyond,                      false},
	{"the capabilities",        VALUE(capabilities), read_capabilities,             NULL,                            NULL,        NULL,            apply_capabilities, NULL,                            true},
	{"the dumpable attribute",  VALUE(dumpable),     read_dumpable,                 NULL,                            NULL,        NULL,            apply_dumpable,     NULL,                            true},
	{"the signal mask",         VALUE(mask),         read_mask,                     NULL,                            NULL,        NULL,            apply_mask,         NULL,                            true},
};
/* clang-format on */
