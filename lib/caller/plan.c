/* Checks what the user wrote; options and call become a plan.
 * Runs in the caller, before any process exists. */
#include "caller/plan.h"

#include "call/layout.h"
#include "call/value.h"
#include "caller/connection.h"
#include "caller/options.h"
#include "os/fail.h"
#include "os/thread.h"
#include "program/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
	(BEGET_UNSAFE_FORK | BEGET_TIED | BEGET_NEW_GROUP | BEGET_NEW_SESSION | BEGET_CLOSE_FDS | BEGET_SERVER_STATE | \
	 BEGET_CRASH_REPORT)

static int check_options(const struct beget_options *options, struct beget_options *ret)
{
	const size_t least = offsetof(struct beget_options, flags) + sizeof(ret->flags);

	int error = beget__options_copy(ret, sizeof(*ret), options, least, "BEGET_OPTIONS");
	if (error)
		return error;
	const unsigned method = (unsigned)ret->method;
	if (method > BEGET_FORK) {
		ret->method = BEGET_FORKSERVER;
		return beget__fail(EINVAL, "there is no start method %u", method);
	}
	if (ret->timeout_ms < 0 || ret->reserved)
		return beget__fail(EINVAL, "the deadline of %d ms is negative", ret->timeout_ms);
	if (ret->server && ret->method == BEGET_FORK)
		return beget__fail(EINVAL, "fork starts from the caller, not from a server");
	if (ret->flags & ~KNOWN_FLAGS)
		return beget__fail(EINVAL, "unknown flags 0x%x", ret->flags & ~KNOWN_FLAGS);
	return 0;
}

/* Before the library opens anything: a closed descriptor must not become one of ours. */
static int check_stream(int i, const struct beget_stream *s)
{
	const char *name = beget__options_streams[i];

	switch (s->kind) {
	case BEGET_AS_IS:
	case BEGET_TO_NULL: return 0;
	case BEGET_TO_FD:
		return fcntl(s->fd, F_GETFD) < 0 ? beget__fail(EBADF, "%s: descriptor %d is not open", name, s->fd) : 0;
	case BEGET_TO_PIPE:
		return s->end ? 0 : beget__fail(EINVAL, "%s: there is nowhere to put the end of the pipe", name);
	case BEGET_TO_FILE: return s->path ? 0 : beget__fail(EINVAL, "%s: there is no path", name);
	case BEGET_TO_OUT:
		return i == 2 ? 0 : beget__fail(EINVAL, "%s: only standard error can be what standard output is", name);
	}
	return beget__fail(EINVAL, "%s: there is no such kind of stream (%u)", name, (unsigned)s->kind);
}

static int check_streams(const struct beget_options *o)
{
	int error = check_stream(0, &o->in);

	if (!error)
		error = check_stream(1, &o->out);
	return error ? error : check_stream(2, &o->err);
}

static int check_descriptor(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? beget__fail(EBADF, "descriptor %d is not open", fd) : 0;
}

static int check_layout(const struct beget_layout *layout, size_t size, const struct beget__plan *plan)
{
	const char *wrong = beget__layout_wrong(layout, size);

	if (wrong)
		return beget__fail(EINVAL, "the layout of the struct is wrong: %s", wrong);
	if (plan->options.method != BEGET_FORK && beget__layout_points(layout))
		return beget__fail(EOPNOTSUPP, "only fork can carry a struct with pointers");
	return 0;
}

static int check_flags(const struct beget_arg *arg)
{
	unsigned known = BEGET_ARG_BOXED | (arg->type == BEGET_TYPE_OBJECT ? BEGET__COMES_BACK : 0);

	if ((arg->flags & ~known) || (arg->flags & BEGET__COMES_BACK) == BEGET__COMES_BACK)
		return beget__fail(EINVAL, "its flags 0x%x are not those of its type", arg->flags);
	return 0;
}

/* A function that a fresh image has, or can load; as target or argument. */
static int find_function(void (*function)(void), const char *as, const struct beget__executable *program,
                         struct beget__target *ret)
{
	if (beget__target_find(function, program != NULL, ret))
		return beget__fail(EOPNOTSUPP, "the function at %p is in no loaded module, so only fork can %s it",
		                   (void *)(uintptr_t)function, as);
	if (ret->module[0] == '\0' && program)
		return beget__fail(EOPNOTSUPP, "the function is this program's own, and the server executes %.150s",
		                   program->path);
	int error = ret->module[0] == '\0' ? beget__image_check() : 0;
	return error ? error : beget__module_check(ret->lacking, program != NULL);
}

static int check_function(void (*function)(void), const struct beget__plan *plan)
{
	struct beget__target unused = {0};

	return plan->options.method != BEGET_FORK && function ? find_function(function, "carry", plan->program, &unused)
	                                                      : 0;
}

static int check_value(const struct beget_arg *arg, bool boxed, const struct beget__plan *plan)
{
	union beget__value v = beget__value_of(arg);

	switch (arg->type) {
	case BEGET_TYPE_RAW:
		return v.pointer && plan->options.method != BEGET_FORK
		               ? beget__fail(EOPNOTSUPP, "only fork can carry a raw pointer")
		               : 0;
	case BEGET_TYPE_OBJECT:
		if (v.pointer && arg->size == 0 && !boxed)
			return beget__fail(EINVAL, "the object has no size");
		return arg->size > PTRDIFF_MAX ? beget__fail(EINVAL, "no object is so large") : 0;
	case BEGET_TYPE_STRUCT: return check_layout(arg->layout, arg->size, plan);
	case BEGET_TYPE_FUNCTION: return check_function(v.function, plan);
	case BEGET_TYPE_BYTES:
		if (!v.bytes.data && v.bytes.size)
			return beget__fail(EINVAL, "the bytes have a size and no data");
		return 0;
	case BEGET_TYPE_FD: return check_descriptor(v.fd.fd);
	default: return 0;
	}
}

static int check_arg(const struct beget_arg *arg, const struct beget__plan *plan)
{
	struct beget_arg bare = beget__value_unboxed(arg);

	if (!bare.value)
		return beget__fail(EINVAL, "it has no value");
	if (beget__value_size(arg->type) == 0 && arg->type != BEGET_TYPE_STRUCT)
		return beget__fail(EINVAL, "there is no such type");
	int error = check_flags(arg);
	return error ? error : check_value(&bare, arg->flags & BEGET_ARG_BOXED, plan);
}

static int check_result(const struct beget_call *call, const struct beget__plan *plan)
{
	switch (call->result) {
	case BEGET_TYPE_VOID: return 0;
	case BEGET_TYPE_STRUCT:
		if (!call->layout)
			return beget__fail(EINVAL, "the target returns a struct: BEGET_RETURNS tells its layout");
		return check_layout(call->layout, call->size, plan) ? beget__fail_prefix("the result") : 0;
	case BEGET_TYPE_OBJECT:
	case BEGET_TYPE_FD:
	case BEGET_TYPE_FUNCTION:
	case BEGET_TYPE_RAW: break;
	default:
		if (beget__value_size(call->result) > 0)
			return 0;
	}
	return beget__fail(EINVAL, "a target cannot return type %u", call->result);
}

static int check_call(const struct beget_call *call, const struct beget__plan *plan)
{
	unsigned descriptors = 0;

	if (!call || !call->function || (call->n > 0 && !call->args))
		return beget__fail(EINVAL, "there is no %s to call",
		                   call && call->function ? "argument list" : "function");
	if (call->flags)
		return beget__fail(EINVAL, "unknown flags 0x%x of the call", call->flags);
	if (call->named > call->n)
		return beget__fail(EINVAL, "a variadic call has at least its %u named arguments, not %u", call->named,
		                   call->n);
	int error = check_result(call, plan);
	for (unsigned i = 0; i < call->n && !error; i++) {
		if (check_arg(&call->args[i], plan))
			error = beget__fail_prefix("argument %u", i + 1);
		descriptors += call->args[i].type == BEGET_TYPE_FD || call->args[i].type == BEGET_TYPE_BUFFER;
	}
	if (error)
		return error;
	if (descriptors > BEGET_FDS_MAX)
		return beget__fail(EMSGSIZE, "a call can carry %d descriptors, not %u", BEGET_FDS_MAX, descriptors);
	return 0;
}

int beget__plan_check_prepare(const struct beget_call *call, const struct beget__executable *program)
{
	const struct beget__plan plan = {.options.method = BEGET_FORKSERVER, .program = program};
	struct beget__target unused = {0};

	int error = check_call(call, &plan);
	return error ? error : find_function(call->function, "call", program, &unused);
}

static int check_threads(unsigned flags)
{
	int threads = flags & BEGET_UNSAFE_FORK ? 1 : beget__thread_count();

	if (threads < 0)
		return beget__fail_errno(-threads, "cannot count the threads");
	if (threads > 1)
		return beget__fail(EDEADLK,
		                   "cannot fork: %d threads run, and a copy would wait for their locks for ever "
		                   "(BEGET_UNSAFE_FORK forks all the same)",
		                   threads);
	return 0;
}

int beget__plan_make(struct beget__plan *ret, const struct beget_options *options, const struct beget_call *call)
{
	const struct beget_options *checked = &ret->options;

	memset(ret, 0, sizeof(*ret));
	int error = check_options(options, &ret->options);
	if (!error && checked->method != BEGET_FORK)
		error = beget__module_check_settled();
	if (!error)
		error = check_streams(checked);
	if (!error)
		error = beget__connection_of(checked->server, &ret->server);
	if (error)
		return error;
	ret->program = checked->method == BEGET_FORK ? NULL : beget__connection_program(ret->server);
	error = check_call(call, ret);
	if (error)
		return error;
	ret->call = call;
	error = checked->method == BEGET_FORK ? check_threads(checked->flags)
	                                      : find_function(call->function, "start", ret->program, &ret->target);
	if (error)
		return error;
	if (checked->name) {
		snprintf(ret->what, sizeof(ret->what), "%.60s", checked->name);
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
