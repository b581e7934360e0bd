/* The engine for the table of state: reads the caller's state, compares it with the state that a child is born with,
 * writes the difference and applies it in the child. Only the wishes from the options refer to individual rows.
 * Runs in caller, helper and child. */
#include "state/state.h"

#include "os/fail.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/procfs.h"
#include "state/rows.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void beget__state_none(struct beget__state *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].without)
			beget__rows[i].without(s);
}

static int out_of(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

/* A lack of descriptors or memory is a failure and does not make the value unseen, which would cost another helper. */
static int read_row(int i, struct beget__state *s, const char *status)
{
	char why[80];
	int error = beget__rows[i].read ? beget__rows[i].read(s, status) : 0;

	if (out_of(error))
		return beget__fail_errno(-error, "cannot read %s", beget__rows[i].name);
	if (error && (beget__rows[i].after_exec || beget__rows[i].in_helper))
		return beget__fail(EOPNOTSUPP, "cannot read %s, which the child must have: %s", beget__rows[i].name,
		                   beget__libc_error(-error, why, sizeof(why)));
	if (error)
		s->unseen |= 1u << i;
	return 0;
}

static bool all(const struct beget__row *row)
{
	(void)row;
	return true;
}

static bool lost_by_exec(const struct beget__row *row)
{
	return row->after_exec != NULL;
}

static bool by_birth(const struct beget__row *row)
{
	return row->beyond != NULL;
}

static int read_rows(struct beget__state *s, const char *status, bool (*wanted)(const struct beget__row *))
{
	static atomic_ullong number;
	int error = 0;

	s->number = ++number;
	for (int i = 0; i < BEGET__ROWS && !error; i++)
		if (wanted(&beget__rows[i]))
			error = read_row(i, s, status);
	return error;
}

int beget__state_read(struct beget__state *s)
{
	struct beget__text status;

	beget__state_none(s);
	int error = beget__procfs_read(&status, "/proc/thread-self/status");
	error = out_of(error) ? beget__fail_errno(-error, "cannot read the state") : read_rows(s, status.text, all);
	beget__procfs_free(&status);
	return error;
}

int beget__state_read_again(struct beget__state *s)
{
	uint64_t number = s->number;

	int error = beget__state_read(s);
	s->number = number;
	return error;
}

int beget__state_read_for_exec(struct beget__state *s)
{
	beget__state_none(s);
	return read_rows(s, "", lost_by_exec);
}

void beget__state_read_streams(struct beget__state *s)
{
	beget__rows[0].read(s, "");
}

int beget__state_read_birth(pid_t pid, struct beget__state *s)
{
	struct beget__text status;

	beget__state_none(s);
	s->of = pid;
	if (!beget__procfs_numbers_ours()) { /* in /proc, this number belongs to another process */
		s->unseen = ~0u;
		s->only_birth = true;
		return 0;
	}
	int error = beget__procfs_read(&status, "/proc/%d/status", (int)pid);
	error = out_of(error) ? beget__fail_errno(-error, "cannot read the state of the helper")
	                      : read_rows(s, status.text, by_birth);
	beget__procfs_free(&status);
	s->only_birth = !error;
	return error;
}

void beget__state_wish(struct beget__state *s, const struct beget__wishes *w)
{
	for (int i = 0; i < BEGET__ROWS; i++)
		if (w->launched && beget__rows[i].asked && beget__rows[i].without)
			beget__rows[i].without(s);
	if (w->env)
		s->env = (char **)w->env;
	s->cwd_fd = w->cwd_fd;
	for (int i = 0; i < 3; i++)
		if (w->stream[i] != BEGET__AS_IS) {
			s->stream[i] = w->stream[i];
			s->boxed[i] = w->boxed[i];
		}
	for (size_t i = 0; i < w->rlimits_n; i++)
		s->limits[w->rlimits[i].resource] =
			(struct rlimit){(rlim_t)w->rlimits[i].soft, (rlim_t)w->rlimits[i].hard};
	s->own_session = w->own_session;
	if (w->own_group)
		s->group = BEGET__OWN_GROUP;
}

void beget__state_exec(const struct beget__state *now, struct beget__state *ret)
{
	*ret = *now;
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].after_exec)
			beget__rows[i].after_exec(ret);
}

void beget__state_helper(const struct beget__state *now, struct beget__state *ret)
{
	beget__state_exec(now, ret);
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beget__rows[i].in_helper)
			beget__rows[i].in_helper(ret);
}

int beget__state_keep(const struct beget__state *s, struct beget__state *ret)
{
	char **env = beget__mem_copy_strings((const char *const *)s->env);

	if (!env)
		return -ENOMEM;
	*ret = *s;
	ret->env = env;
	ret->cwd_path = NULL;
	return 0;
}

void beget__state_free(struct beget__state *s)
{
	free(s->env);
	free(s->cwd_path);
	s->env = NULL;
	s->cwd_path = NULL;
}

static bool has_unseen(int i, const struct beget__state *s)
{
	return s->unseen & 1u << i;
}

/* A value of the caller that cannot be seen cannot be sent: the child must be born with it, see beyond. */
static bool differs(int i, const struct beget__state *now, const struct beget__state *born)
{
	const struct beget__row *row = &beget__rows[i];

	if (!row->apply || has_unseen(i, now))
		return false;
	if (born->by_launcher && row->asked)
		return row->asked(now);
	if (has_unseen(i, born) || (born->only_birth && !row->beyond))
		return true;
	if (row->differs)
		return row->differs(now, born);
	return memcmp((const char *)now + row->offset, (const char *)born + row->offset, row->size) != 0;
}

/* If a value cannot be seen, only a process that was launched after the same reading is known to have it. */
static bool beyond(int i, const struct beget__state *now, const struct beget__state *born)
{
	const struct beget__row *row = &beget__rows[i];

	if (born->by_launcher)
		return false;
	if (has_unseen(i, now) || (has_unseen(i, born) && row->beyond))
		return now->number != born->number;
	return row->beyond && row->beyond(now, born);
}

const char *beget__state_beyond(const struct beget__state *now, const struct beget__state *born)
{
	for (int i = 0; i < BEGET__ROWS; i++)
		if (beyond(i, now, born))
			return beget__rows[i].name;
	return NULL;
}

bool beget__state_same_rights(const struct beget__state *a, const struct beget__state *b)
{
	for (int i = 0; i < BEGET__ROWS; i++) {
		size_t at = beget__rows[i].offset;
		bool right = at == offsetof(struct beget__state, credentials) ||
		             at == offsetof(struct beget__state, namespaces);
		if (right && (has_unseen(i, a) || has_unseen(i, b)))
			return false;
	}
	return a->credentials == b->credentials && a->namespaces == b->namespaces;
}

int beget__state_restore(const struct beget__state *before)
{
	struct beget__state now;

	int error = beget__state_read(&now);
	now.ignored = ~before->ignored; /* handlers are not read; applying this row resets them */
	for (int i = 0; i < BEGET__ROWS && !error; i++) {
		const struct beget__row *row = &beget__rows[i];
		if (differs(i, before, &now) && (error = row->apply(before)))
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
		if (differs(i, now, born))
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

/* Reads the value of one row. */
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
			return beget__fail_errno(-error, "cannot apply %s of the caller", beget__rows[i].name);
		}
	}
	return 0;
}

/* Reads everything before it applies anything. */
int beget__state_apply(struct beget__reader *r, struct beget__fds *fds)
{
	struct beget__state s;
	uint32_t which;
	int error = beget__state_get(r, fds, &which, &s);

	for (int i = 0; i < BEGET__ROWS && !error; i++)
		if ((which & 1u << i) && (error = beget__rows[i].apply(&s)))
			beget__fail_errno(-error, "cannot apply %s of the caller", beget__rows[i].name);
	return error;
}
