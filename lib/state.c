/* The table of state: each row is a piece of state that a child takes over from the caller of the moment, with how it
 * is read there, when it has to travel, and how it is taken over in the child.
 * Reading and writing run in the caller, taking over in the child. Knows no method and no process. */
#include "state.h"

#include "error.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

struct row {
	const char *name;
	void (*read)(struct beget__state *, const char *status); /* status: /proc/self/status, "" without /proc */
	bool (*differs)(const struct beget__state *now, const struct beget__state *born);
	int (*put)(struct beget__writer *, const struct beget__state *, struct beget__fds *, int *opened);
	int (*apply)(struct beget__reader *, struct beget__fds *); /* negative errno */
	bool birth;                                                /* a helper can only be born with it */
};

static int add_fd(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	if (fds->n == fds->room)
		return -EMSGSIZE;
	beget__put_u32(w, (uint32_t)fds->n);
	fds->fds[fds->n++] = fd;
	return 0;
}

static int sent_fd(struct beget__reader *r, const struct beget__fds *fds)
{
	uint32_t i = beget__get_u32(r);

	if (r->bad || i >= (uint32_t)fds->n)
		return -EBADMSG;
	return fds->fds[i] < 0 ? -EMFILE : fds->fds[i];
}

/* Standard streams: the descriptors themselves, closed ones stay closed. */

static void read_streams(struct beget__state *s, const char *status)
{
	(void)status;
	s->streams = true;
}

static bool streams_differ(const struct beget__state *now, const struct beget__state *born)
{
	return now->streams != born->streams;
}

static int put_streams(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	uint32_t open = 0;
	int error = 0;

	(void)s, (void)opened;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= 1u << fd;
	beget__put_u32(w, open);
	for (int fd = 0; fd <= STDERR_FILENO && !error; fd++)
		if (open & 1u << fd)
			error = add_fd(w, fds, fd);
	return error;
}

static int apply_streams(struct beget__reader *r, struct beget__fds *fds)
{
	uint32_t open = beget__get_u32(r);

	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (open & 1u << fd) {
			int sent = sent_fd(r, fds);
			if (sent < 0)
				return sent;
			if (dup2(sent, fd) < 0)
				return -errno;
		} else {
			close(fd);
		}
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

	if (!a || !b)
		return (a && *a) || (b && *b);
	for (; *a && *b; a++, b++)
		if (*a != *b && strcmp(*a, *b) != 0)
			return true;
	return *a || *b;
}

static int put_env(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	uint64_t n = 0;

	(void)fds, (void)opened;
	while (s->env && s->env[n])
		n++;
	beget__put_u64(w, n);
	for (uint64_t i = 0; i < n; i++)
		beget__put_string(w, s->env[i]);
	return 0;
}

static int apply_env(struct beget__reader *r, struct beget__fds *fds)
{
	uint64_t n = beget__get_u64(r);

	(void)fds;
	if (r->bad || n > (r->size - r->at) / sizeof(uint64_t)) /* each entry has at least its length */
		return -EBADMSG;
	char **env = beget__sys_alloc((n + 1) * sizeof(*env));
	if (!env)
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++)
		if (!(env[i] = (char *)beget__get_string(r)))
			return free(env), -EBADMSG;
	environ = env;
	return 0;
}

/* File mode creation mask. Reading it by setting it would race with other threads: /proc tells it, else we must. */

static void read_umask(struct beget__state *s, const char *status)
{
	const char *line = strstr(status, "\nUmask:");

	if (line) {
		s->umask = (mode_t)strtoul(line + 7, NULL, 8);
		return;
	}
	s->umask = umask(077);
	umask(s->umask);
}

static bool umask_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->umask != born->umask;
}

static int put_umask(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	(void)fds, (void)opened;
	beget__put_u32(w, (uint32_t)s->umask);
	return 0;
}

static int apply_umask(struct beget__reader *r, struct beget__fds *fds)
{
	(void)fds;
	umask((mode_t)beget__get_u32(r));
	return 0;
}

/* Process group: the helper lives in one of its own, its children in the caller's. */

static void read_group(struct beget__state *s, const char *status)
{
	(void)status;
	s->group = getpgrp();
}

static bool group_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->group != born->group;
}

static int put_group(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	(void)fds, (void)opened;
	beget__put_u32(w, (uint32_t)s->group);
	return 0;
}

static int apply_group(struct beget__reader *r, struct beget__fds *fds)
{
	pid_t group = (pid_t)beget__get_u32(r);

	(void)fds;
	if (setpgid(0, group) == 0)
		return 0;
	int error = -errno;
	if (group <= 1 || kill(-group, 0) == 0 || errno != ESRCH)
		return error;
	return setpgid(0, 0) < 0 ? -errno : 0; /* the caller has ended, and its group with it */
}

/* Session: nobody can join one. */

static void read_session(struct beget__state *s, const char *status)
{
	(void)status;
	s->session = getsid(0);
}

static bool session_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->session != born->session;
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
}

static bool ignored_differ(const struct beget__state *now, const struct beget__state *born)
{
	return now->ignored != born->ignored;
}

static int put_ignored(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	(void)fds, (void)opened;
	beget__put_u64(w, s->ignored);
	return 0;
}

static int apply_ignored(struct beget__reader *r, struct beget__fds *fds)
{
	uint64_t ignored = beget__get_u64(r);

	(void)fds;
	for (int n = 1; n < NSIG && n <= 64; n++) {
		/* libc keeps some real-time signals for itself and refuses them: they stay as they are */
		if (n != SIGKILL && n != SIGSTOP)
			(void)signal(n, ignored & UINT64_C(1) << (n - 1) ? SIG_IGN : SIG_DFL);
	}
	return 0;
}

/* Working directory: the directory itself, so that a renamed or removed one is no matter. */

static void read_cwd(struct beget__state *s, const char *status)
{
	struct stat st;

	(void)status;
	if (stat(".", &st) == 0) {
		s->cwd_device = st.st_dev;
		s->cwd_inode = st.st_ino;
	}
}

static bool cwd_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->cwd_device != born->cwd_device || now->cwd_inode != born->cwd_inode;
}

static int put_cwd(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	(void)s;
	*opened = beget__sys_open(".", O_PATH | O_DIRECTORY);
	return *opened < 0 ? *opened : add_fd(w, fds, *opened);
}

static int apply_cwd(struct beget__reader *r, struct beget__fds *fds)
{
	int fd = sent_fd(r, fds);

	if (fd < 0)
		return fd;
	return fchdir(fd) < 0 ? -errno : 0;
}

/* Signal mask of the calling thread. */

static void read_mask(struct beget__state *s, const char *status)
{
	(void)status;
	sigemptyset(&s->mask);
	pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
}

static bool mask_differs(const struct beget__state *now, const struct beget__state *born)
{
	return memcmp(&now->mask, &born->mask, sizeof(now->mask)) != 0;
}

static int put_mask(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	(void)fds, (void)opened;
	beget__put(w, &s->mask, sizeof(s->mask));
	return 0;
}

static int apply_mask(struct beget__reader *r, struct beget__fds *fds)
{
	sigset_t mask;

	(void)fds;
	beget__get(r, &mask, sizeof(mask));
	return r->bad ? -EBADMSG : -pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* In the order of taking over: the mask last, so that no signal comes between. */
static const struct row rows[] = {
	{"the standard streams", read_streams, streams_differ, put_streams, apply_streams, false},
	{"the environment", read_env, env_differs, put_env, apply_env, false},
	{"the umask", read_umask, umask_differs, put_umask, apply_umask, false},
	{"the session", read_session, session_differs, NULL, NULL, true},
	{"the process group", read_group, group_differs, put_group, apply_group, false},
	{"the ignored signals", read_ignored, ignored_differ, put_ignored, apply_ignored, false},
	{"the working directory", read_cwd, cwd_differs, put_cwd, apply_cwd, false},
	{"the signal mask", read_mask, mask_differs, put_mask, apply_mask, false},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void read_status(char *text, size_t size)
{
	int fd = beget__sys_open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	beget__sys_close(&fd);
}

void beget__state_read(struct beget__state *s, bool only_mask)
{
	char status[4096];

	memset(s, 0, sizeof(*s));
	if (only_mask) {
		read_mask(s, "");
		return;
	}
	read_status(status, sizeof(status));
	for (int i = 0; i < ROWS; i++)
		rows[i].read(s, status);
}

void beget__state_exec(const struct beget__state *now, struct beget__state *ret)
{
	*ret = *now;
	sigfillset(&ret->mask);
}

int beget__state_helper(const struct beget__state *now, struct beget__state *ret)
{
	size_t n = 0, size = 0;

	beget__state_exec(now, ret);
	ret->streams = false;
	ret->group = 0; /* its own */
	ret->ignored &= ~(UINT64_C(1) << (SIGCHLD - 1)); /* it waits for its children */
	ret->env = NULL;
	while (now->env && now->env[n])
		size += strlen(now->env[n++]) + 1;
	char **env = beget__sys_alloc((n + 1) * sizeof(*env) + size);
	if (!env)
		return -ENOMEM;
	char *at = (char *)(env + n + 1);
	for (size_t i = 0; i < n; i++) {
		env[i] = at;
		at = stpcpy(at, now->env[i]) + 1;
	}
	ret->env = env;
	return 0;
}

void beget__state_free(struct beget__state *s)
{
	free(s->env);
	s->env = NULL;
}

bool beget__state_beyond(const struct beget__state *now, const struct beget__state *born)
{
	for (int i = 0; i < ROWS; i++)
		if (rows[i].birth && rows[i].differs(now, born))
			return true;
	return false;
}

int beget__state_put(struct beget__writer *w, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *fds, int *opened)
{
	uint32_t which = 0;

	*opened = -1;
	for (int i = 0; i < ROWS; i++)
		if (rows[i].put && rows[i].differs(now, born))
			which |= 1u << i;
	beget__put_u32(w, which);
	for (int i = 0; i < ROWS; i++) {
		int error = which & 1u << i ? rows[i].put(w, now, fds, opened) : 0;
		if (error)
			return beget__fail(-error, "cannot read %s for the child", rows[i].name);
	}
	return 0;
}

int beget__state_apply(struct beget__reader *r, struct beget__fds *fds)
{
	uint32_t which = beget__get_u32(r);

	for (int i = 0; i < ROWS; i++) {
		if (!(which & 1u << i))
			continue;
		int error = rows[i].apply ? rows[i].apply(r, fds) : -EBADMSG;
		if (r->bad)
			error = -EBADMSG;
		if (error)
			return beget__fail(-error, "cannot take over %s of the caller", rows[i].name);
	}
	return which >> ROWS ? beget__fail(EBADMSG, "cannot read the state of the caller") : 0;
}
