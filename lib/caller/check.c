/* Checks a start before any process exists, and makes a plan of options and call. Knows all start methods but starts
 * nothing. Runs in the caller. */
#include "caller/check.h"

#include "call/layout.h"
#include "call/type.h"
#include "call/value.h"
#include "caller/by_fork.h"
#include "caller/by_forkserver.h"
#include "caller/by_spawn.h"
#include "caller/options.h"
#include "caller/spare.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/proc.h"
#include "os/thread.h"
#include "program/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int check_descriptor(int fd)
{
	return !beget__fd_open_now(fd) ? beget__fail(EBADF, "descriptor %d is not open", fd) : 0;
}

static int check_layout(const struct beget_layout *layout, size_t size, const struct beget__plan *plan)
{
	const char *wrong = beget__layout_wrong(layout, size);

	if (wrong)
		return beget__fail(EINVAL, "the layout of the struct is wrong: %s", wrong);
	if (!plan->method->shares_addresses && beget__layout_points(layout))
		return beget__fail(EOPNOTSUPP, "a struct that contains pointers can be passed only with fork");
	return 0;
}

static int check_flags(const struct beget_arg *arg)
{
	unsigned known = arg->type == BEGET_TYPE_OBJECT ? BEGET__COMES_BACK : 0;

	if ((arg->flags & ~known) || (arg->flags & BEGET__COMES_BACK) == BEGET__COMES_BACK)
		return beget__fail(EINVAL, "flags 0x%x are not valid for this type", arg->flags);
	return 0;
}

/* A function, as target or argument, that a fresh image has or can load. */
static int find_function(void (*function)(void), const char *as, const struct beget__executable *program,
                         struct beget__target *ret)
{
	if (beget__target_find(function, program != NULL, ret))
		return beget__fail(EOPNOTSUPP, "the function at %p is not in a loaded module, so only fork can %s it",
		                   (void *)(uintptr_t)function, as);
	if (ret->module[0] == '\0' && program)
		return beget__fail(EOPNOTSUPP, "the function belongs to this program, but the server executes %.150s",
		                   program->path);
	int error = ret->module[0] == '\0' ? beget__image_check() : 0;
	return error ? error : beget__module_check(ret->lacking, program != NULL);
}

static int check_function(void (*function)(void), const struct beget__plan *plan)
{
	struct beget__target unused = {0};

	return !plan->method->shares_addresses && function ? find_function(function, "carry", plan->program, &unused)
	                                                   : 0;
}

static int check_value(const struct beget_arg *arg, bool boxed, const struct beget__plan *plan)
{
	union beget__value v = beget__value_of(arg);

	switch (arg->type) {
	case BEGET_TYPE_RAW:
		return v.pointer && !plan->method->shares_addresses
		               ? beget__fail(EOPNOTSUPP, "a raw pointer can be passed only with fork")
		               : 0;
	case BEGET_TYPE_OBJECT:
		if (v.pointer && arg->size == 0 && !boxed)
			return beget__fail(EINVAL, "the size of the object is 0");
		return arg->size > PTRDIFF_MAX ? beget__fail(EINVAL, "the size of the object exceeds the address space")
		                               : 0;
	case BEGET_TYPE_STRUCT: return check_layout(arg->layout, arg->size, plan);
	case BEGET_TYPE_FUNCTION: return check_function(v.function, plan);
	case BEGET_TYPE_BYTES:
		if (!v.bytes.data && v.bytes.size)
			return beget__fail(EINVAL, "the bytes have a size but data is NULL");
		return 0;
	case BEGET_TYPE_FD: return check_descriptor(v.fd.fd);
	default: return 0;
	}
}

static int check_arg(const struct beget_arg *arg, bool boxed, const struct beget__plan *plan)
{
	if (!arg->value)
		return beget__fail(EINVAL, "value is NULL");
	if (beget__type_of(arg->type)->shape == BEGET__NOTHING)
		return beget__fail(EINVAL, "unknown type");
	int error = check_flags(arg);
	return error ? error : check_value(arg, boxed, plan);
}

static int check_result(const struct beget_call *call, const struct beget__plan *plan)
{
	const struct beget__type *type = beget__type_of(call->result);

	if (!type->result)
		return beget__fail(EINVAL, "a target cannot return %s%s", beget__type_article(type), type->name);
	if (type->shape != BEGET__STRUCT)
		return 0;
	if (!call->layout)
		return beget__fail(EINVAL, "the target returns a struct without a layout (use BEGET_RETURNS)");
	return check_layout(call->layout, call->size, plan) ? beget__fail_prefix("the result") : 0;
}

/* The plan contains the same call, unboxed. */
static int check_call(const struct beget_call *call, const struct beget__plan *plan)
{
	unsigned descriptors = 0;

	if (!call || !call->function)
		return beget__fail(EINVAL, "the call is invalid: %s is NULL", call ? "function" : "call");
	if (call->n > 0 && !call->args)
		return beget__fail(EINVAL, "the call has %u arguments, but args is NULL", call->n);
	if (call->flags)
		return beget__fail(EINVAL, "the call has unknown flags 0x%x", call->flags);
	if (call->named > call->n)
		return beget__fail(EINVAL,
		                   "a variadic call needs at least %u arguments for the named parameters, not %u",
		                   call->named, call->n);
	int error = check_result(call, plan);
	for (unsigned i = 0; i < call->n && !error; i++) {
		if (check_arg(&plan->call->args[i], call->args[i].flags & BEGET_ARG_BOXED, plan))
			error = beget__fail_prefix("argument %u", i + 1);
		descriptors += call->args[i].type == BEGET_TYPE_FD || call->args[i].type == BEGET_TYPE_BUFFER;
	}
	if (error)
		return error;
	if (descriptors > BEGET_FDS_MAX)
		return beget__fail(EMSGSIZE, "a call can carry at most %d descriptors, not %u", BEGET_FDS_MAX,
		                   descriptors);
	return 0;
}

static int take_call(struct beget__plan *plan, const struct beget_call *call)
{
	plan->call = &plan->bare.call;
	return beget__bare_make(&plan->bare, call);
}

void beget__check_free(struct beget__plan *plan)
{
	beget__launcher_free(&plan->launcher);
	beget__bare_free(&plan->bare);
}

int beget__check_prepare(const struct beget_call *call, const struct beget__executable *program)
{
	struct beget__plan plan = {.method = &beget__by_forkserver, .program = program};
	struct beget__target unused = {0};

	int error = take_call(&plan, call);
	if (!error)
		error = check_call(call, &plan);
	if (!error)
		error = find_function(call->function, "call", program, &unused);
	beget__check_free(&plan);
	return error;
}

static int check_threads(unsigned flags)
{
	int threads = flags & BEGET_UNSAFE_FORK ? 1 : beget__thread_count();

	if (threads < 0)
		return beget__fail_errno(-threads, "cannot count the threads");
	if (threads > 1)
		return beget__fail(EDEADLK,
		                   "cannot fork: %d threads are running, and locks that they hold would stay locked in "
		                   "the child (BEGET_UNSAFE_FORK permits it)",
		                   threads);
	return 0;
}

static int check_tie(const struct beget__plan *plan)
{
	if (!(plan->options.flags & BEGET_TIED))
		return 0;
	if (beget__proc_next_is_init())
		return beget__fail(EOPNOTSUPP, "cannot tie the child to this process: it would become the init process "
		                               "of the new pid namespace");
	bool helper_kills = plan->method->has_watcher && !beget__connection_adopted(plan->connection);
	int escapes = helper_kills ? 0 : beget__self_children_may_escape();
	if (escapes <= 0)
		return escapes ? beget__fail_errno(-escapes, "cannot tie the child to this process") : 0;
	return beget__fail(
		EOPNOTSUPP,
		"cannot tie the child to this process with %s: the target could change its user id, and then "
		"the kernel would not kill it",
		plan->method->name);
}

/* The child reports its pid as seen in its own namespace. */
static int check_monitor(const struct beget__plan *plan)
{
	if (!plan->monitored || !beget__proc_children_elsewhere())
		return 0;
	return beget__fail(EOPNOTSUPP, "cannot monitor a child in another pid namespace, or where /proc does not show "
	                               "the namespaces");
}

/* Finds the server and the program that the child executes. */
static int find_server(struct beget__plan *plan)
{
	struct beget_server *named = plan->options.server;

	if (named && !plan->method->has_server)
		return beget__fail(EINVAL, "%s cannot use a server", plan->method->name);
	int error = beget__connection_of(named ? &named->connection : NULL, &plan->connection);
	if (!error && plan->method->has_server)
		plan->program = beget__connection_program(plan->connection);
	return error;
}

/* A process in a sandbox is always alone: the helper's socket would lead out of it. */
static int find_launcher(struct beget__plan *plan)
{
	struct beget_options *o = &plan->options;
	bool servers = plan->method->has_server && plan->connection->setup.launcher.path;

	if (o->launcher && o->method != BEGET_SPAWN)
		return beget__fail(EINVAL, "%s cannot use a launcher (use spawn, or a server with a launcher)",
		                   plan->method->name);
	if (o->launcher && servers)
		return beget__fail(EINVAL, "the server already has a launcher");
	if (!o->launcher && !servers)
		return 0;
	plan->through = servers ? &plan->connection->setup.launcher : &plan->launcher;
	if (o->cwd)
		return beget__fail(EOPNOTSUPP, "cannot set the working directory: only the launcher can set it");
	o->flags |= BEGET_ALONE;
	return o->launcher ? beget__launcher_find(&plan->launcher, o->launcher) : 0;
}

static const struct beget__method *const methods[] = {
	[BEGET_FORKSERVER] = &beget__by_forkserver,
	[BEGET_SPAWN] = &beget__by_spawn,
	[BEGET_FORK] = &beget__by_fork,
};
enum { METHODS = sizeof(methods) / sizeof(*methods) };

/* For debugging, the environment can override the method of all starts. */
static int force_method(struct beget_options *o)
{
	const char *name = beget__libc_secure_getenv("BEGET_METHOD");

	if (!name || !name[0])
		return 0;
	for (int i = 0; i < METHODS; i++)
		if (strcmp(methods[i]->name, name) == 0) {
			o->method = (enum beget_method)i;
			o->server = methods[i]->has_server ? o->server : NULL;
			return 0;
		}
	return beget__fail(EINVAL, "BEGET_METHOD in the environment is not a start method: %.40s", name);
}

static int check_options(struct beget__plan *plan, const struct beget_options *options)
{
	plan->method = methods[BEGET_FORKSERVER];
	int error = beget__options_check(&plan->options, options);
	if (error)
		return error;
	plan->monitored = plan->options.limit_ms > 0 || (plan->options.flags & BEGET_TREE);
	error = force_method(&plan->options);
	if (error)
		return error;
	const unsigned method = (unsigned)plan->options.method;
	if (method >= METHODS)
		return beget__fail(EINVAL, "unknown start method %u", method);
	plan->method = methods[method];
	error = find_server(plan);
	return error ? error : find_launcher(plan);
}

/* Checks that do not depend on the call. */
static int check_method(struct beget__plan *plan)
{
	int error = check_tie(plan);

	if (!error)
		error = check_monitor(plan);
	if (!error && !plan->method->shares_addresses)
		error = beget__module_check_settled();
	if (!error && plan->method->needs_one_thread)
		error = check_threads(plan->options.flags);
	return error;
}

int beget__check_worker(struct beget__plan *ret, const struct beget_options *options, int claims)
{
	memset(ret, 0, sizeof(*ret));
	ret->claims = claims;
	ret->call = &ret->bare.call;
	int error = check_options(ret, options);
	if (!error)
		error = check_method(ret);
	snprintf(ret->what, sizeof(ret->what), "%.60s", ret->options.name ? ret->options.name : "a worker");
	return error;
}

int beget__check_task(struct beget__plan *ret, const struct beget_options *options, const struct beget_call *call)
{
	memset(ret, 0, sizeof(*ret));
	int no_room = take_call(ret, call);
	ret->options.server = options->server;
	ret->method = options->method == BEGET_SPAWN ? &beget__by_spawn : &beget__by_forkserver;
	int error = no_room ? no_room : find_server(ret);
	if (!error)
		error = check_call(call, ret);
	return error ? error : find_function(call->function, "call", ret->program, &ret->target);
}

int beget__check_start(struct beget__plan *ret, const struct beget_options *options, const struct beget_call *call)
{
	memset(ret, 0, sizeof(*ret));
	ret->claims = -1;
	int no_room = take_call(ret, call);
	int error = check_options(ret, options);
	if (!error)
		error = no_room;
	if (!error)
		error = check_call(call, ret);
	if (!error)
		error = check_method(ret);
	if (!error && !ret->method->shares_addresses)
		error = find_function(call->function, "start", ret->program, &ret->target);
	snprintf(ret->what, sizeof(ret->what), "%.60s", ret->options.name ? ret->options.name : "");
	return error;
}
