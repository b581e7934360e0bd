/* State that is sent as descriptors and strings: the standard streams, the environment and the working directory.
 * Reading and writing run in the caller, applying in the child; a helper that is being prepared does both. */
#include "state/carry.h"

#include "os/box.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Standard streams: the descriptors are sent; closed ones stay closed. */

int beget__carry_read_streams(struct beget__state *s, const char *status)
{
	(void)status;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		s->stream[fd] = beget__fd_open_now(fd) ? fd : -1;
	return 0;
}

/* A copy of the caller has its streams. A helper has its own, which no caller has. */
void beget__carry_leave_streams(struct beget__state *s)
{
	for (int i = 0; i < 3; i++)
		s->stream[i] = BEGET__AS_IS;
}

int beget__carry_put_streams(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	uint32_t open = 0, closed = 0, boxed = 0;
	int error = 0;

	(void)opened;
	for (int i = 0; i < 3; i++) {
		open |= (uint32_t)(s->stream[i] >= 0) << i;
		closed |= (uint32_t)(s->stream[i] == -1) << i;
		boxed |= (uint32_t)s->boxed[i] << i;
	}
	beget__bytes_put_u32(w, open);
	beget__bytes_put_u32(w, closed);
	beget__bytes_put_u32(w, boxed);
	for (int i = 0; i < 3 && !error; i++)
		if (s->stream[i] >= 0)
			error = beget__fds_put(w, fds, s->stream[i]);
	return error;
}

int beget__carry_get_streams(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	uint32_t open = beget__bytes_get_u32(r), closed = beget__bytes_get_u32(r), boxed = beget__bytes_get_u32(r);

	if (open & closed || (open | closed) > 7 || boxed & ~open)
		return -EBADMSG;
	for (int i = 0; i < 3; i++) {
		int fd = open & 1u << i ? beget__fds_get(r, fds, false) : closed & 1u << i ? -1 : BEGET__AS_IS;
		if ((open & 1u << i) && fd < 0)
			return fd;
		s->stream[i] = fd;
		s->boxed[i] = boxed & 1u << i;
	}
	return 0;
}

/* In a forked child they may occupy each other's numbers, so first move all of them up and out of their boxes. */
static int lift_streams(const struct beget__state *s, int up[3], bool moved[3])
{
	for (int i = 0; i < 3; i++) {
		up[i] = s->stream[i];
		moved[i] = s->boxed[i] || (up[i] >= 0 && up[i] <= STDERR_FILENO && up[i] != i);
		if (moved[i])
			up[i] = s->boxed[i] ? beget__box_look(up[i]) : beget__fd_dup(up[i]);
		if (moved[i] && up[i] < 0)
			return up[i];
	}
	return 0;
}

int beget__carry_apply_streams(const struct beget__state *s)
{
	bool moved[3] = {false};
	int up[3];

	int error = lift_streams(s, up, moved);
	for (int i = 0; i < 3; i++) {
		if (!error && s->stream[i] == -1)
			beget__fd_close_number(i);
		else if (!error && up[i] >= 0)
			error = beget__fd_put(up[i], i);
		if (moved[i])
			beget__fd_close(&up[i]);
	}
	return error;
}

/* Environment, as getenv reads it. */

int beget__carry_read_env(struct beget__state *s, const char *status)
{
	(void)status;
	s->env = environ;
	return 0;
}

void beget__carry_own_env(struct beget__state *s)
{
	s->env = environ;
}

/* If execve cannot take a string of it, the whole environment is sent. */
void beget__carry_exec_env(struct beget__state *s)
{
	for (char **e = s->env; e && *e; e++)
		if (beget__proc_exceeds_exec(*e)) {
			s->env = NULL;
			return;
		}
}

bool beget__carry_env_differs(const struct beget__state *now, const struct beget__state *born)
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

int beget__carry_put_env(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
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

int beget__carry_get_env(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	uint64_t n = beget__bytes_get_u64(r);

	(void)fds;
	if (r->bad || n > (r->size - r->at) / sizeof(uint64_t)) /* each entry takes at least its length field */
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

int beget__carry_apply_env(const struct beget__state *s)
{
	environ = s->env;
	return 0;
}

/* Working directory: a descriptor of the directory, so that renaming or removing it does not matter. If it cannot be
 * read, it is sent each time. */

static const struct beget__place unseen = {UINT64_MAX, 0, 0};

int beget__carry_read_cwd(struct beget__state *s, const char *status)
{
	char path[40] = ""; /* not ".", which needs search permission */

	(void)status;
	if (s->of)
		snprintf(path, sizeof(path), "/proc/%d/cwd", (int)s->of);
	if (beget__place_read(path, &s->cwd))
		s->cwd = unseen;
	return 0;
}

void beget__carry_no_cwd(struct beget__state *s)
{
	s->cwd_fd = -1;
}

bool beget__carry_cwd_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->cwd_fd >= 0 || now->cwd.mount == unseen.mount ||
	       memcmp(&now->cwd, &born->cwd, sizeof(now->cwd)) != 0;
}

/* A helper must not keep a file system busy, so it leaves its directory, and each child is sent one. */
void beget__carry_leave_cwd(struct beget__state *s)
{
	if (s->cwd_path && beget__place_enter_check(AT_FDCWD) == 0)
		s->cwd = unseen;
}

bool beget__carry_cwd_left(const struct beget__state *born)
{
	return born->cwd.mount == unseen.mount;
}

/* A directory without search permission cannot be entered: a child can only be born in it. */
bool beget__carry_cwd_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return now->cwd_fd < 0 && !now->cwd_path && beget__carry_cwd_differs(now, born) &&
	       beget__place_enter_check(AT_FDCWD) != 0;
}

static bool is_cwd(const struct beget__state *s, int fd)
{
	struct beget__place found;

	return beget__place_of(fd, &found) == 0 && memcmp(&found, &s->cwd, sizeof(found)) == 0;
}

/* An earlier working directory, which may have been renamed, and may still be the current one. */
static int open_earlier(const struct beget__state *s)
{
	const char *names[] = {s->cwd_path, "."};
	int error = -ESTALE;

	for (int i = 0; i < 2; i++) {
		int fd = beget__fd_open(names[i], O_PATH | O_DIRECTORY);
		if (fd >= 0 && is_cwd(s, fd))
			return fd;
		error = fd < 0 ? fd : -ESTALE;
		beget__fd_close(&fd);
	}
	return error;
}

int beget__carry_put_cwd(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened)
{
	if (s->cwd_fd >= 0)
		return beget__fds_put(w, fds, s->cwd_fd);
	*opened = s->cwd_path ? open_earlier(s) : beget__fd_open(".", O_PATH | O_DIRECTORY);
	return *opened < 0 ? *opened : beget__fds_put(w, fds, *opened);
}

int beget__carry_get_cwd(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	int fd = beget__fds_get(r, fds, false);

	s->cwd_fd = fd;
	return fd < 0 ? fd : 0;
}

int beget__carry_apply_cwd(const struct beget__state *s)
{
	return beget__place_enter(s->cwd_fd);
}
