/* Checks what the user wrote; options and call become a plan.
 * Runs in the caller, before any process exists. */
#include "image.h"
#include "start.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
	(BEGET_UNSAFE_FORK | BEGET_TIED | BEGET_NEW_GROUP | BEGET_NEW_SESSION | BEGET_CLOSE_FDS | BEGET_SERVER_STATE | \
	 BEGET_CRASH_REPORT)

static int check_options(const struct beget_options *options, struct beget_options *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!options)
		return 0;
	/* An older caller's struct ends earlier, between two fields. */
	if (options->size < offsetof(struct beget_options, flags) + sizeof(options->flags) ||
	    options->size % sizeof(void *) != 0)
		return beget__fail_plain(EINVAL, "the options have no size: fill them with BEGET_OPTIONS");
	/* A newer caller's struct is fine as long as it asks for nothing that we do not know. */
	for (size_t i = sizeof(*ret); i < options->size; i++)
		if (((const char *)options)[i])
			return beget__fail_plain(E2BIG,
			                         "the options ask for something that this version (%s) does not know",
			                         BEGET_VERSION);
	memcpy(ret, options, options->size < sizeof(*ret) ? options->size : sizeof(*ret));
	if ((unsigned)ret->method > BEGET_FORK)
		return beget__fail_plain(EINVAL, "there is no start method %u", (unsigned)ret->method);
	if (ret->flags & ~KNOWN_FLAGS)
		return beget__fail_plain(EINVAL, "unknown flags 0x%x", ret->flags & ~KNOWN_FLAGS);
	return 0;
}

/* Before the library opens anything: a closed descriptor must not become one of ours. */
static int check_stream(int i, const struct beget_stream *s)
{
	const char *name = beget__stream_names[i];

	switch (s->kind) {
	case BEGET_AS_IS:
	case BEGET_TO_NULL: return 0;
	case BEGET_TO_FD:
		return fcntl(s->fd, F_GETFD) < 0
		               ? beget__fail_plain(EBADF, "%s: descriptor %d is not open", name, s->fd)
		               : 0;
	case BEGET_TO_PIPE:
		return s->end ? 0 : beget__fail_plain(EINVAL, "%s: there is nowhere to put the end of the pipe", name);
	case BEGET_TO_FILE: return s->path ? 0 : beget__fail_plain(EINVAL, "%s: there is no path", name);
	case BEGET_TO_OUT:
		return i == 2 ? 0
		              : beget__fail_plain(EINVAL, "%s: only standard error can be what standard output is",
		                                  name);
	}
	return beget__fail_plain(EINVAL, "%s: there is no such kind of stream (%u)", name, (unsigned)s->kind);
}

static int check_streams(const struct beget_options *o)
{
	int error = check_stream(0, &o->in);

	if (!error)
		error = check_stream(1, &o->out);
	return error ? error : check_stream(2, &o->err);
}

static int check_descriptor(int fd, unsigned position)
{
	if (fcntl(fd, F_GETFD) < 0)
		return beget__fail_plain(EBADF, "argument %u: descriptor %d is not open", position, fd);
	return 0;
}

static int check_arg(const struct beget_arg *arg, unsigned position, enum beget_method method)
{
	if (!arg->value || beget__value_size(arg->type) == 0)
		return beget__fail_plain(EINVAL, "argument %u: %s", position,
		                         arg->value ? "there is no such type" : "it has no value");
	if (arg->flags)
		return beget__fail_plain(EINVAL, "argument %u: unknown flags 0x%x", position, arg->flags);
	union beget__value v = beget__value_of(arg);
	switch (arg->type) {
	case BEGET_TYPE_RAW:
		if (method != BEGET_FORK)
			return beget__fail_plain(EOPNOTSUPP, "argument %u: only fork can carry a raw pointer",
			                         position);
		return 0;
	case BEGET_TYPE_OBJECT:
		if (v.pointer && arg->size == 0)
			return beget__fail_plain(EINVAL, "argument %u: the object has no size", position);
		return 0;
	case BEGET_TYPE_BYTES:
		if (!v.bytes.data && v.bytes.size)
			return beget__fail_plain(EINVAL, "argument %u: the bytes have a size and no data", position);
		return 0;
	case BEGET_TYPE_FD: return check_descriptor(v.fd.fd, position);
	default: return 0;
	}
}

static int check_call(const struct beget_call *call, enum beget_method method)
{
	unsigned descriptors = 0;

	if (!call || !call->function || (call->n > 0 && !call->args))
		return beget__fail_plain(EINVAL, "there is no %s to call",
		                         call && call->function ? "argument list" : "function");
	if (call->result != BEGET_TYPE_VOID &&
	    (beget__value_size(call->result) == 0 || call->result == BEGET_TYPE_OBJECT ||
	     call->result == BEGET_TYPE_FD || call->result == BEGET_TYPE_RAW))
		return beget__fail_plain(EINVAL, "a target cannot return type %u", call->result);
	for (unsigned i = 0; i < call->n; i++) {
		int error = check_arg(&call->args[i], i + 1, method);
		if (error)
			return error;
		descriptors += call->args[i].type == BEGET_TYPE_FD;
	}
	if (descriptors > BEGET_FDS_MAX)
		return beget__fail_plain(EMSGSIZE, "a call can carry %d descriptors, not %u", BEGET_FDS_MAX,
		                         descriptors);
	return 0;
}

int beget__plan_make(struct beget__plan *ret, const struct beget_options *options, const struct beget_call *call)
{
	struct beget_options checked;

	int error = check_options(options, &checked);
	if (!error)
		error = check_streams(&checked);
	if (!error)
		error = check_call(call, checked.method);
	if (error)
		return error;
	memset(ret, 0, sizeof(*ret));
	ret->options = checked;
	ret->call = call;
	if (checked.method != BEGET_FORK) {
		error = beget__image_check();
		if (error)
			return error;
		if (beget__target_find(call->function, &ret->target))
			return beget__fail_plain(EOPNOTSUPP,
			                         "the function at %p is in no loaded module, so only fork can start it",
			                         (void *)(uintptr_t)call->function);
	}
	if (checked.name) {
		snprintf(ret->what, sizeof(ret->what), "%.60s", checked.name);
		return 0;
	}
	if (!ret->target.module) {
		snprintf(ret->what, sizeof(ret->what), "%p", (void *)(uintptr_t)call->function);
		return 0;
	}
	const char *slash = strrchr(ret->target.module, '/');
	const char *name = ret->target.module[0] ? ret->target.module : program_invocation_short_name;
	snprintf(ret->what, sizeof(ret->what), "%.40s+0x%llx", slash ? slash + 1 : name,
	         (unsigned long long)ret->target.offset);
	return 0;
}
