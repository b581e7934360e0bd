/* Servers as objects: opened with what their children shall be born with, asked how they are, given back.
 * Runs in the caller. */
#include "caller/check.h"
#include "caller/connection.h"
#include "caller/options.h"
#include "caller/process.h"
#include "caller/spare.h"
#include "os/mem.h"
#include "os/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEALTH_MS = 2000 };

static int check(const struct beget_server_options *o, struct beget_server_options *ret)
{
	const size_t least = offsetof(struct beget_server_options, flags) + sizeof(o->flags);

	int error = beget__options_copy(ret, sizeof(*ret), o, least, "BEGET_SERVER_OPTIONS");
	if (error)
		return error;
	if (ret->flags & ~BEGET_SERVER_THREADS)
		return beget__fail(EINVAL, "unknown flags 0x%x", ret->flags & ~BEGET_SERVER_THREADS);
	if (ret->timeout_ms < 0)
		return beget__fail(EINVAL, "the deadline of %d ms is negative", ret->timeout_ms);
	if (ret->spares > BEGET__MOST_SPARES || ret->spawn_spares > BEGET__MOST_SPARES)
		return beget__fail(EINVAL, "a server keeps at most %d spares of each method", BEGET__MOST_SPARES);
	return 0;
}

/* The program that it executes, before what may need it; pinned where a fork of another thread lets go of it. */
static int keep(const struct beget_server_options *o, struct beget_server *s)
{
	beget__forks_guard();
	int error = o->executable ? beget__executable_open(&s->setup.program, o->executable) : 0;
	beget__forks_unguard();
	if (error)
		return error;
	if (o->prepare && beget__check_prepare(o->prepare, beget__connection_program(s)))
		return beget__fail_prefix("the prepare call");
	return beget__setup_keep(o, &s->setup);
}

static int make_pool(struct beget__pool *pool, unsigned most)
{
	pool->waiting = most ? beget__mem_alloc(most * sizeof(*pool->waiting)) : NULL;
	if (most && !pool->waiting)
		return beget__fail_errno(ENOMEM, "cannot make room for spares");
	pool->most = pool->aim = most;
	return 0;
}

static int launch(struct beget_server *s)
{
	struct beget__view helper;

	int error = beget__connection_enter(s, NULL, &helper);
	if (!error)
		beget__connection_leave(s);
	return error;
}

static void destroy(struct beget_server *s)
{
	beget__spare_close(s);
	beget__connection_retire(s);
	beget__setup_free(&s->setup);
	for (int i = 0; i < 2; i++)
		free(s->pools[i].waiting);
	free(s);
}

static int open_server(const struct beget_server_options *o, struct beget_server **ret)
{
	struct beget_server *s = beget__mem_alloc(sizeof(*s));

	if (!s)
		return beget__fail_errno(ENOMEM, "cannot open a server");
	beget__connection_enlist(s);
	int error = keep(o, s);
	if (!error)
		error = make_pool(&s->pools[BEGET_FORKSERVER], o->spares);
	if (!error)
		error = make_pool(&s->pools[BEGET_SPAWN], o->spawn_spares);
	if (!error)
		error = launch(s);
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

/* Resident memory that is the process's own. */
static int64_t memory_kib(pid_t pid)
{
	char path[32], text[128] = "";
	long resident = 0, shared = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	int fd = beget__fd_open(path, 0);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0)
		(void)sscanf(text, "%*d %ld %ld", &resident, &shared);
	beget__fd_close(&fd);
	return (int64_t)(resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

static int ask(struct beget_server *s, struct beget_server_status *ret)
{
	struct beget__health health;
	struct beget_server_status status = {0};

	pthread_rwlock_rdlock(&s->lock);
	int error = s->control->fd < 0 || s->control->gone ? beget__fail(ESRCH, "the server does not run")
	                                                   : beget__setup_health(s->control->fd, HEALTH_MS, &health);
	status.pid = s->control->helper;
	if (error == -ECONNRESET) {
		s->control->gone = true;
		error = beget__fail(ESRCH, "the server does not run: it has ended");
	}
	pthread_rwlock_unlock(&s->lock);
	if (error)
		return error;
	pthread_mutex_lock(&s->pool_lock);
	status.spares = s->pools[0].n + s->pools[1].n;
	pthread_mutex_unlock(&s->pool_lock);
	status.children = health.children;
	status.threads = health.threads;
	status.started = health.started;
	status.memory_kib = memory_kib(status.pid);
	*ret = status;
	return 0;
}

int beget_server_status(struct beget_server *named, struct beget_server_status *ret)
{
	struct beget_server *s;

	if (!ret)
		return beget__fail(EINVAL, "cannot ask for the status of the server: ret is NULL");
	int error = beget__connection_of(named, &s);
	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	error = ask(s, ret);
	beget__thread_cancel(cancel);
	return error;
}

void beget_server_close(struct beget_server *s)
{
	if (!s)
		return;
	if (s->owner != getpid()) /* a copy: what it held went with the fork */
		return;
	int cancel = beget__thread_no_cancel();
	destroy(s);
	beget__thread_cancel(cancel);
}
