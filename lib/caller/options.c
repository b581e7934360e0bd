/* Option structs: converts those of any version to this one, and checks the options of a start one by one.
 * Runs in the caller. Knows no start method. */
#include "caller/options.h"

#include "caller/rlimits.h"
#include "os/fail.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
	(BEGET_UNSAFE_FORK | BEGET_TIED | BEGET_NEW_GROUP | BEGET_NEW_SESSION | BEGET_CLOSE_FDS | BEGET_SERVER_STATE | \
	 BEGET_CRASH_REPORT | BEGET_ALONE | BEGET_NO_NEW_PRIVS | BEGET_TREE)

const char *const beget__options_streams[3] = {"standard input", "standard output", "standard error"};

int beget__options_copy(void *ret, size_t size, const void *options, size_t least, const char *macro)
{
	size_t given;

	memset(ret, 0, size);
	if (!options)
		return 0;
	memcpy(&given, options, sizeof(given)); /* the first field of every option struct */
	if (given < least || given % sizeof(void *) != 0)
		return beget__fail(EINVAL, "the size of the options is not set (use %s)", macro);
	for (size_t i = size; i < given; i++)
		if (((const char *)options)[i])
			return beget__fail(E2BIG, "the options set a field that this version (%s) does not know",
			                   BEGET_VERSION);
	memcpy(ret, options, given < size ? given : size);
	return 0;
}

/* This runs before the library opens anything, because a descriptor that the user closed must not become one of
 * ours. */
static int check_stream(int i, const struct beget_stream *s)
{
	const char *name = beget__options_streams[i];

	switch (s->kind) {
	case BEGET_AS_IS:
	case BEGET_TO_NULL: return 0;
	case BEGET_TO_FD:
		return !beget__fd_open_now(s->fd) ? beget__fail(EBADF, "%s: descriptor %d is not open", name, s->fd)
		                                  : 0;
	case BEGET_TO_PIPE: return s->end ? 0 : beget__fail(EINVAL, "%s: end is NULL", name);
	case BEGET_TO_FILE: return s->path ? 0 : beget__fail(EINVAL, "%s: path is NULL", name);
	case BEGET_TO_OUT:
		return i == 2 ? 0 : beget__fail(EINVAL, "%s: BEGET_STREAM_OUT is only for standard error", name);
	}
	return beget__fail(EINVAL, "%s: unknown kind of stream (%u)", name, (unsigned)s->kind);
}

static int check_streams(const struct beget_options *o)
{
	int error = check_stream(0, &o->in);

	if (!error)
		error = check_stream(1, &o->out);
	return error ? error : check_stream(2, &o->err);
}

int beget__options_check(struct beget_options *ret, const struct beget_options *options)
{
	const size_t least = offsetof(struct beget_options, flags) + sizeof(ret->flags);

	int error = beget__options_copy(ret, sizeof(*ret), options, least, "BEGET_OPTIONS");
	if (error)
		return error;
	if (ret->timeout_ms < 0)
		return beget__fail(EINVAL, "timeout_ms is negative: %d", ret->timeout_ms);
	if (ret->limit_ms < 0)
		return beget__fail(EINVAL, "limit_ms is negative: %d", ret->limit_ms);
	if (ret->flags & ~KNOWN_FLAGS)
		return beget__fail(EINVAL, "unknown flags 0x%x", ret->flags & ~KNOWN_FLAGS);
	/* The helper has privileges that the child must not get, and its children are not in the tree. */
	if (ret->flags & (BEGET_NO_NEW_PRIVS | BEGET_TREE))
		ret->flags |= BEGET_ALONE;
	error = beget__rlimits_check(ret->rlimits, ret->rlimits_n);
	return error ? error : check_streams(ret);
}
