/* The engine over the table of state: reads a snapshot of the caller, compares it with what a child has from birth,
 * writes the difference, and applies it in the child. Runs in caller and child. Knows no single row. */
#include "state/state.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "state/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

extern char **environ;

/* Without /proc the text is empty; for want of descriptors or memory it is an error, lest a full table look like other
 * credentials. */
static int read_text(const char *path, char *text, size_t size)
{
	int fd = beget__fd_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return beget__fail_errno(-fd, "cannot read the state from %s", path);
	if (fd >= 0)
		beget__fd_close(&fd);
	return 0;
}

void beget__state_none(struct beget__state *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < 3; i++)
		s->stream[i] = BEGET__AS_IS;
	s->cwd_fd = -1;
	s->group = -1;
	s->env = environ;
}

int beget__state_read(struct beget__state *s)
{
	char status[4096];

	beget__state_none(s);
	int error = read_text("/proc/thread-self/status", status, sizeof(status));
	for (int i = 0; i < BEGET__ROWS && !error; i++)
		if (beget__rows[i].read)
			beget__rows[i].read(s, status);
	return error;
}

void beget__state_read_for_exec(struct beget__state *s)
{
	beget__state_none(s);
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].lost_by_exec)
			beget__rows[i].read(s, "");
}

void beget__state_read_streams(struct beget__state *s)
{
	beget__rows[0].read(s, "");
}

int beget__state_read_birth(pid_t pid, struct beget__state *s)
{
	char path[40], status[4096];

	beget__state_none(s);
	s->of = pid;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	int error = read_text(path, status, sizeof(status));
	for (int i = 0; i < BEGET__ROWS && !error; i++)
		if (beget__rows[i].beyond)
			beget__rows[i].read(s, status);
	s->unknown = !error;
	return error;
}

void beget__state_wish(struct beget__state *s, const struct beget__wishes *w)
{
	if (w->env)
		s->env = (char **)w->env;
	s->cwd_fd = w->cwd_fd;
	for (int i = 0; i < 3; i++)
		if (w->stream[i] != BEGET__AS_IS)
			s->stream[i] = w->stream[i];
	s->own_session = w->own_session;
	if (w->own_group)
		s->group = 0;
}

void beget__state_exec(const struct beget__state *now, struct beget__state *ret)
{
	*ret = *now;
	ret->cwd_fd = -1;
	ret->dumpable = 1;
	ret->personality &= ~(uint32_t)READ_IMPLIES_EXEC;
	/* exec gives root what it gave up, and others at most what they had. */
	if (geteuid() == 0)
		memset(ret->capabilities, 0xff, sizeof(ret->capabilities));
	memset(&ret->mask, 0, sizeof(ret->mask));
	sigfillset(&ret->mask);
}

void beget__state_helper(const struct beget__state *now, struct beget__state *ret)
{
	beget__state_exec(now, ret);
	for (int i = 0; i < 3; i++)
		ret->stream[i] = BEGET__AS_IS; /* its own: nothing that a caller could have */
	ret->group = -1;
	ret->ignored &= ~(UINT64_C(1) << (SIGCHLD - 1)); /* it waits for its children */
}

int beget__state_keep(const struct beget__state *s, struct beget__state *ret)
{
	size_t n = 0, size = 0;

	while (s->env && s->env[n])
		size += strlen(s->env[n++]) + 1;
	char **env = beget__mem_alloc((n + 1) * sizeof(*env) + size);
	if (!env)
		return -ENOMEM;
	char *at = (char *)(env + n + 1);
	for (size_t i = 0; i < n; i++) {
		env[i] = at;
		at = stpcpy(at, s->env[i]) + 1;
	}
	*ret = *s;
	ret->env = env;
	return 0;
}

void beget__state_free(struct beget__state *s)
{
	free(s->env);
	s->env = NULL;
}

static bool differs(const struct beget__row *row, const struct beget__state *now, const struct beget__state *born)
{
	if (born->unknown && !row->beyond)
		return true;
	if (row->differs)
		return row->differs(now, born);
	return memcmp((const char *)now + row->offset, (const char *)born + row->offset, row->size) != 0;
}

const char *beget__state_beyond(const struct beget__state *now, const struct beget__state *born)
{
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].beyond && beget__rows[i].beyond(now, born))
			return beget__rows[i].name;
	return NULL;
}

int beget__state_restore(const struct beget__state *before)
{
	struct beget__state now;

	int error = beget__state_read(&now);
	now.ignored = ~before->ignored; /* handlers are not read; their row ends them */
	for (int i = 0; i < BEGET__ROWS && !error; i++) {
		const struct beget__row *row = &beget__rows[i];
		if (row->apply && differs(row, before, &now) && (error = row->apply(before)))
			beget__fail_errno(-error, "cannot restore %s", row->name);
	}
	return error;
}

int beget__state_put(struct beget__writer *w, const struct beget__state *now, const struct beget__state *born,
                     struct beget__fds *fds, int *opened)
{
	uint32_t which = 0;

	*opened = -1;
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].apply && differs(&beget__rows[i], now, born))
			which |= 1u << i;
	beget__bytes_put_u32(w, which);
	for (int i = 0; i < BEGET__ROWS; i++) {
		const struct beget__row *row = &beget__rows[i];
		int error = 0;
		if (!(which & 1u << i))
			continue;
		if (row->put)
			error = row->put(w, now, fds, opened);
		else
			beget__bytes_put(w, (const char *)now + row->offset, row->size);
		if (error)
			return beget__fail_errno(-error, "cannot read %s for the child", row->name);
	}
	return 0;
}

/* One row's value. */
static int get_row(const struct beget__row *row, struct beget__reader *r, struct beget__fds *fds,
                   struct beget__state *ret)
{
	int error = 0;

	if (!row->apply)
		return -EBADMSG;
	if (row->get)
		error = row->get(r, fds, ret);
	else
		beget__bytes_get(r, (char *)ret + row->offset, row->size);
	return r->bad ? -EBADMSG : error;
}

int beget__state_get(struct beget__reader *r, struct beget__fds *fds, uint32_t *which, struct beget__state *ret)
{
	beget__state_none(ret);
	ret->env = NULL;
	*which = beget__bytes_get_u32(r);
	if (r->bad || *which >> BEGET__ROWS)
		return beget__fail_errno(EBADMSG, "cannot read the state of the caller");
	for (int i = 0; i < BEGET__ROWS; i++) {
		int error = *which & 1u << i ? get_row(&beget__rows[i], r, fds, ret) : 0;
		if (error) {
			beget__state_free(ret);
			return beget__fail_errno(-error, "cannot take over %s of the caller", beget__rows[i].name);
		}
	}
	return 0;
}

/* All is read before anything is taken over. */
int beget__state_apply(struct beget__reader *r, struct beget__fds *fds)
{
	struct beget__state s;
	uint32_t which;
	int error = beget__state_get(r, fds, &which, &s);

	for (int i = 0; i < BEGET__ROWS && !error; i++)
		if ((which & 1u << i) && (error = beget__rows[i].apply(&s)))
			beget__fail_errno(-error, "cannot take over %s of the caller", beget__rows[i].name);
	return error;
}
