/* The caller's connection to a helper: its descriptors, and the requests that are sent over it. Each request is one
 * message, so that many threads can share the socket without a lock; each reply has its own channel. Runs in the
 * caller. Knows no process. */
#include "caller/connection.h"

#include "caller/process.h"
#include "os/proc.h"
#include "os/sock.h"
#include "program/image.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* The helper that all starts without a server share. */
static struct beget__connection shared = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.control = &beget__control_shared,
	.pidfd = -1,
	.poll = -1,
	.timer = -1,
	.progress = {.channel = -1},
};

int beget__connection_of(struct beget__connection *named, struct beget__connection **ret)
{
	*ret = named ? named : &shared;
	return !named || named->owner == getpid()
	               ? 0
	               : beget__fail(ECHILD, "the server belongs to process %d, of which this process is a forked copy",
	                             (int)named->owner);
}

const struct beget__executable *beget__connection_program(const struct beget__connection *s)
{
	return s->setup.program.path ? &s->setup.program : NULL;
}

bool beget__connection_adopted(struct beget__connection *s)
{
	pthread_rwlock_rdlock(&s->lock);
	bool adopted = s->control->adopted;
	pthread_rwlock_unlock(&s->lock);
	return adopted;
}

/* The host may have closed our descriptors and opened other files at their numbers. */
static void close_own(int *fd, const struct beget__identity *identity)
{
	if (*fd >= 0 && beget__fd_is(*fd, identity))
		beget__fd_close(fd);
	*fd = -1;
}

/* A forked copy must neither use our socket nor keep the helper alive. */
static void release(struct beget__forked *forked)
{
	struct beget__connection *s = (struct beget__connection *)forked;

	s->lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	beget__setup_close(&s->setup);
	beget__fd_close(&s->progress.channel);
	beget__fd_close(&s->poll);
	beget__fd_close(&s->timer);
	close_own(&s->control->fd, &s->control->identity);
	close_own(&s->pidfd, &s->pidfd_identity);
}

/* A child that we start does use the shared helper. */
static void release_shared(struct beget__forked *forked)
{
	struct beget__control *c = shared.control;

	beget__forks_watch(forked); /* the copy may fork too */
	if (!beget__forks_started() || c->fd < 0 || !beget__fd_is(c->fd, &c->identity)) {
		release(forked);
		return;
	}
	shared.lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	close_own(&shared.pidfd, &shared.pidfd_identity);
	c->adopted = true;
	c->met = false;
}

__attribute__((constructor)) static void at_load(void)
{
	shared.forked.release = release_shared;
	beget__forks_watch(&shared.forked);
}

/* Reaps the helper if the host became its parent, as PID 1 or a subreaper does. */
static void reap(pid_t pid, int options)
{
	if (pid > 0 && beget__proc_adopts_orphans())
		beget__proc_reap(pid, options);
}

void beget__connection_drop(struct beget__connection *s)
{
	s->launching = false;
	beget__fd_close(&s->progress.channel);
	if (s->control->fd < 0)
		return;
	if (!s->control->gone && !s->control->adopted && beget__fd_is(s->control->fd, &s->control->identity))
		/* Its children need it for the report of their exit. */
		beget__request_send_plain(s->control->fd, BEGET__RETIRE);
	beget__forks_guard();
	close_own(&s->control->fd, &s->control->identity);
	close_own(&s->pidfd, &s->pidfd_identity);
	beget__forks_unguard();
	if (!s->control->adopted)
		reap(s->control->helper, s->control->gone ? 0 : WNOHANG);
	beget__state_free(&s->launched);
	beget__words_free(&s->words);
}

/* Its socket alone does not show its end if another process holds the other side: a copy of the helper that does not
 * know that, or has not run yet. */
void beget__connection_attach(struct beget__connection *s, int control)
{
	s->control->fd = control;
	s->control->identity = beget__fd_identity(control);
	int pidfd = beget__proc_pidfd_open(s->control->helper);
	s->pidfd = pidfd < 0 ? -1 : pidfd;
	s->pidfd_identity = beget__fd_identity(s->pidfd);
	s->control->gone = false;
}

void beget__connection_move(struct beget__connection *s, pid_t helper)
{
	beget__forks_guard();
	close_own(&s->pidfd, &s->pidfd_identity);
	s->control->helper = helper;
	beget__connection_attach(s, s->control->fd);
	beget__forks_unguard();
}

static bool has_ended(const struct beget__connection *s)
{
	struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd >= 0 && beget__fd_poll(&end, 1, 0) > 0 && beget__fd_is(s->pidfd, &s->pidfd_identity);
}

bool beget__connection_is_host(const struct beget__connection *s)
{
	return !beget__connection_program(s) && beget__image_is_host();
}

const struct beget__launcher *beget__connection_launcher(const struct beget__connection *s)
{
	return s->setup.launcher.path ? &s->setup.launcher : NULL;
}

struct beget__words *beget__connection_words(const struct beget__connection *s)
{
	return beget__words_arrived(s->words) ? NULL : s->words;
}

bool beget__connection_lives(struct beget__connection *s)
{
	struct pollfd ends[] = {{.fd = s->control->fd, .events = POLLRDHUP}, {.fd = s->pidfd, .events = POLLIN}};

	if (!beget__fd_is(s->control->fd, &s->control->identity))
		s->control->gone = true;
	else if (beget__fd_poll(ends, 2, 0) > 0)
		s->control->gone |= ends[0].revents || beget__fd_is(s->pidfd, &s->pidfd_identity);
	return !s->control->gone;
}

static int handed(struct beget__connection *s, int error)
{
	if (error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN) {
		s->control->gone = true;
		return -EPIPE;
	}
	return error && error != -ETIMEDOUT ? beget__fail_errno(-error, "cannot send the start request to the helper")
	                                    : error;
}

int beget__connection_start(struct beget__connection *s, const struct beget__channel *channel,
                            const struct beget__request *request)
{
	int error = beget__connection_launcher(s) ? beget__sock_report_senders(channel->fd) : 0;

	if (error)
		return beget__fail_errno(-error, "cannot find out the pid of the child");
	if (!beget__fd_is(s->control->fd, &s->control->identity) || has_ended(s))
		return handed(s, -EPIPE);
	return handed(s, beget__request_send_start(s->control->fd, channel->far, request));
}

int beget__connection_tie(struct beget__connection *s, pid_t pid)
{
	return handed(s, beget__request_send_tie(s->control->fd, pid));
}

void beget__connection_visit(void)
{
	pthread_rwlock_rdlock(&shared.lock);
}

void beget__connection_unvisit(void)
{
	pthread_rwlock_unlock(&shared.lock);
}

void beget__connection_enlist(struct beget__connection *s)
{
	s->owner = getpid();
	s->control = &s->own;
	s->own.fd = s->pidfd = s->poll = s->timer = s->progress.channel = -1;
	pthread_rwlock_init(&s->lock, NULL);
	beget__forks_guard();
	s->forked.release = release;
	beget__forks_watch(&s->forked);
	beget__forks_unguard();
}

void beget__connection_retire(struct beget__connection *s)
{
	beget__connection_drop(s);
	beget__forks_guard();
	beget__fd_close(&s->poll);
	beget__fd_close(&s->timer);
	beget__forks_unwatch(&s->forked);
	beget__forks_unguard();
	pthread_rwlock_destroy(&s->lock);
}

int beget__connection_health(struct beget__connection *s, struct beget__health *ret, pid_t *pid)
{
	enum { WITHIN_MS = 2000 };

	pthread_rwlock_rdlock(&s->lock);
	struct beget__control *c = s->control;
	int error = c->fd < 0 || c->gone ? beget__fail(ESRCH, "the server is not running")
	                                 : beget__setup_health(c->fd, WITHIN_MS, ret);
	*pid = c->helper;
	if (error == -ECONNRESET) {
		c->gone = true;
		error = beget__fail(ESRCH, "the server is not running: it has ended");
	}
	pthread_rwlock_unlock(&s->lock);
	return error;
}
