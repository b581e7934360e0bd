/* Copies of start options, because a pool starts workers long after it was opened.
 * Runs in the caller. */
#include "keeper/copy.h"

#include "caller/options.h"
#include "os/fail.h"
#include "os/mem.h"

#include <errno.h>
#include <string.h>

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* Moves a string to *at and advances *at. */
static void move(const char **s, char **at)
{
	if (!*s)
		return;
	char *to = *at;
	*at = stpcpy(to, *s) + 1;
	*s = to;
}

/* Counts the entries of a list, and adds the size of its strings. */
static size_t measure(const char *const *list, size_t *size)
{
	size_t n = 0;

	for (; list && list[n]; n++)
		*size += length(list[n]);
	return n;
}

/* Copies a list to *slots and advances *slots past its NULL. */
static const char *const *move_list(const char *const *list, size_t n, const char ***slots, char **at)
{
	const char **copy = *slots;

	if (!list)
		return NULL;
	*slots += n + 1;
	for (size_t i = 0; i < n; i++) {
		copy[i] = list[i];
		move(&copy[i], at);
	}
	return copy;
}

static int check_streams(const struct beget_options *o)
{
	const struct beget_stream *streams[3] = {&o->in, &o->out, &o->err};

	for (int i = 0; i < 3; i++)
		if (streams[i]->kind == BEGET_TO_PIPE)
			return beget__fail(EINVAL, "%s: a pipe connects two processes, but there may be many workers",
			                   beget__options_streams[i]);
	return 0;
}

int beget__copy_options(const struct beget_options *given, unsigned more_flags, bool for_many,
                        struct beget_options **ret)
{
	struct beget_options o;
	size_t env_n, launcher_n, size;

	int error = beget__options_check(&o, given);
	if (!error && for_many)
		error = check_streams(&o);
	if (error)
		return error;
	size = length(o.name) + length(o.cwd) + length(o.in.path) + length(o.out.path) + length(o.err.path);
	env_n = measure((const char *const *)o.env, &size);
	launcher_n = measure(o.launcher, &size);
	size += (env_n + launcher_n + 2) * sizeof(char *) + o.rlimits_n * sizeof(*o.rlimits);
	struct beget_options *copy = beget__mem_alloc(sizeof(*copy) + size);
	if (!copy)
		return beget__fail_errno(ENOMEM, "cannot copy the options");
	struct beget_rlimit *rlimits = (struct beget_rlimit *)(copy + 1);
	const char **slots = (const char **)(rlimits + o.rlimits_n);
	char *at = (char *)(slots + env_n + launcher_n + 2);
	*copy = o;
	copy->size = sizeof(*copy);
	copy->flags |= more_flags;
	move(&copy->name, &at);
	move(&copy->cwd, &at);
	move(&copy->in.path, &at);
	move(&copy->out.path, &at);
	move(&copy->err.path, &at);
	for (size_t i = 0; i < o.rlimits_n; i++)
		rlimits[i] = o.rlimits[i];
	copy->rlimits = rlimits;
	copy->env = (char *const *)move_list((const char *const *)o.env, env_n, &slots, &at);
	copy->launcher = move_list(o.launcher, launcher_n, &slots, &at);
	*ret = copy;
	return 0;
}
