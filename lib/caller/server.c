/* Servers as the user sees them: opening one with what its children are born with, reading its status, closing it.
 * Runs in the caller. */
#include "caller/check.h"
#include "caller/forks.h"
#include "caller/lease.h"
#include "caller/options.h"
#include "caller/spare.h"
#include "os/clock.h"
#include "os/fail.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check(const struct beget_server_options *o, struct beget_server_options *ret)
{
	const size_t least = offsetof(struct beget_server_options, flags) + sizeof(o->flags);

	int error = beget__options_copy(ret, sizeof(*ret), o, least, "BEGET_SERVER_OPTIONS");
	if (error)
		return error;
	if (ret->flags & ~(BEGET_SERVER_THREADS | BEGET_SERVER_NO_WAIT))
		return beget__fail(EINVAL, "unknown flags 0x%x",
		                   ret->flags & ~(BEGET_SERVER_THREADS | BEGET_SERVER_NO_WAIT));
	if (ret->timeout_ms < 0)
		return beget__fail(EINVAL, "timeout_ms is negative: %d", ret->timeout_ms);
	if (ret->spares > BEGET__MOST_SPARES || ret->spawn_spares > BEGET__MOST_SPARES)
		return beget__fail(EINVAL, "a server keeps at most %d spares of each method", BEGET__MOST_SPARES);
	if (ret->launcher && ret->spawn_spares)
		return beget__fail(EINVAL, "a server with a launcher cannot keep spares for spawn");
	return 0;
}

/* Opens the program before the steps that may need it, under the guard, so that a fork of another thread closes it. */
static int keep(const struct beget_server_options *o, struct beget_server *s)
{
	struct beget__setup *setup = &s->connection.setup;

	beget__forks_guard();
	int error = o->executable ? beget__executable_open(&setup->program, o->executable) : 0;
	beget__forks_unguard();
	if (!error && o->launcher)
		error = beget__launcher_find(&setup->launcher, o->launcher);
	if (error)
		return error;
	if (o->prepare && beget__check_prepare(o->prepare, beget__connection_program(&s->connection)))
		return beget__fail_prefix("the prepare call");
	error = beget__setup_keep(o, setup);
	if (!error)
		error = beget__spare_keep(s, BEGET__WARM, o->spares);
	return error ? error : beget__spare_keep(s, BEGET__FRESH, o->spawn_spares);
}

static int begin(struct beget__connection *c)
{
	int error = beget__lease_watch(c);

	if (!error)
		error = beget__lease_prepare(c);
	return error == -EAGAIN ? 0 : error;
}

static int launch(struct beget__connection *c)
{
	struct beget__view helper;

	int error = beget__lease_enter(c, NULL, &helper);
	if (!error)
		beget__lease_leave(c);
	return error;
}

static void destroy(struct beget_server *s)
{
	beget__spare_close(s);
	beget__connection_retire(&s->connection);
	beget__setup_free(&s->connection.setup);
	free(s);
}

static int open_server(const struct beget_server_options *o, struct beget_server **ret)
{
	struct beget_server *s = beget__mem_alloc(sizeof(*s));

	if (!s)
		return beget__fail_errno(ENOMEM, "cannot open a server");
	beget__connection_enlist(&s->connection);
	int error = keep(o, s);
	if (!error)
		error = o->flags & BEGET_SERVER_NO_WAIT ? begin(&s->connection) : launch(&s->connection);
	if (error) {
		destroy(s);
		return error;
	}
	if (o->spares || o->spawn_spares)
		beget__spare_open(s);
	*ret = s;
	return 0;
}

int beget_server_open(struct beget_server **ret, const struct beget_server_options *options)
{
	struct beget_server_options checked;

	if (!ret)
		return beget__fail(EINVAL, "cannot open a server: ret is NULL");
	int cancel = beget__thread_no_cancel();
	int error = beget__module_check_settled();
	if (!error)
		error = check(options, &checked);
	if (!error)
		error = open_server(&checked, ret);
	beget__thread_cancel(cancel);
	return error;
}

static int check_handle(const struct beget_server *s, const char *what)
{
	if (!s)
		return beget__fail(EINVAL, "cannot %s: the server is NULL", what);
	if (s->connection.owner != getpid())
		return beget__fail(ECHILD, "cannot %s: the server belongs to process %d, of which this is a copy", what,
		                   (int)s->connection.owner);
	return s->connection.poll < 0 ? beget__fail(EINVAL, "cannot %s: the server has no BEGET_SERVER_NO_WAIT", what)
	                              : 0;
}

int beget_server_sentinel(struct beget_server *s)
{
	int error = check_handle(s, "get a sentinel");

	return error ? error : s->connection.poll;
}

int beget_server_wait(struct beget_server *s, int timeout_ms)
{
	struct pollfd news = {.events = POLLIN};
	int64_t deadline = beget__clock_deadline(timeout_ms);
	int left, error = check_handle(s, "wait for the server");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	news.fd = s->connection.poll;
	do {
		left = beget__clock_left_ms(deadline);
		error = beget__lease_prepare(&s->connection);
		if (error == -EAGAIN && left != 0)
			(void)beget__fd_poll(&news, 1, left);
	} while (error == -EAGAIN && left != 0);
	beget__thread_cancel(cancel);
	return error == -EAGAIN ? beget__fail(ETIMEDOUT, "the server is not prepared yet") : error;
}

static int ask(struct beget_server *s, struct beget__connection *c, struct beget_server_status *ret)
{
	struct beget__health health;
	pid_t pid;

	int error = beget__connection_health(c, &health, &pid);
	if (error)
		return error;
	*ret = (struct beget_server_status){
		.pid = pid,
		.children = health.children,
		.spares = s ? beget__spare_count(s) : 0,
		.threads = health.threads,
		.started = health.started,
		.memory_kib = beget__proc_memory_kib(pid),
	};
	return 0;
}

int beget_server_status(struct beget_server *s, struct beget_server_status *ret)
{
	struct beget__connection *c;

	if (!ret)
		return beget__fail(EINVAL, "cannot get the server's status: ret is NULL");
	int error = beget__connection_of(s ? &s->connection : NULL, &c);
	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	error = ask(s, c, ret);
	beget__thread_cancel(cancel);
	return error;
}

void beget_server_close(struct beget_server *s)
{
	if (!s)
		return;
	if (s->connection.owner != getpid()) /* in a copy, the descriptors were closed at the fork */
		return;
	int cancel = beget__thread_no_cancel();
	destroy(s);
	beget__thread_cancel(cancel);
}
