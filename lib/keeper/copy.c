/* Copies of start options: a pool starts workers long after it was opened.
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

/* Moves a string to *at, which grows by it. */
static void move(const char **s, char **at)
{
	if (!*s)
		return;
	char *to = *at;
	*at = stpcpy(to, *s) + 1;
	*s = to;
}

static int check_streams(const struct beget_options *o)
{
	const struct beget_stream *streams[3] = {&o->in, &o->out, &o->err};

	for (int i = 0; i < 3; i++)
		if (streams[i]->kind == BEGET_TO_PIPE)
			return beget__fail(EINVAL,
			                   "%s: a pipe has one writer and one reader, and there may be many workers",
			                   beget__options_streams[i]);
	return 0;
}

int beget__copy_options(const struct beget_options *given, unsigned more_flags, bool for_many,
                        struct beget_options **ret)
{
	struct beget_options o;
	size_t n = 0, size;

	int error = beget__options_check(&o, given);
	if (!error && for_many)
		error = check_streams(&o);
	if (error)
		return error;
	size = length(o.name) + length(o.cwd) + length(o.in.path) + length(o.out.path) + length(o.err.path);
	for (; o.env && o.env[n]; n++)
		size += length(o.env[n]);
	size += (n + 1) * sizeof(char *) + o.rlimits_n * sizeof(*o.rlimits);
	struct beget_options *copy = beget__mem_alloc(sizeof(*copy) + size);
	if (!copy)
		return beget__fail_errno(ENOMEM, "cannot keep the options");
	struct beget_rlimit *rlimits = (struct beget_rlimit *)(copy + 1);
	const char **env = (const char **)(rlimits + o.rlimits_n);
	char *at = (char *)(env + n + 1);
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
	for (size_t i = 0; i < n; i++) {
		env[i] = o.env[i];
		move(&env[i], &at);
	}
	if (o.env)
		copy->env = (char *const *)env;
	*ret = copy;
	return 0;
}
