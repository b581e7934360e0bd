/* The caller's connection to a helper: launches the helper, sends it requests, and replaces it when it has ended or
 * cannot provide the state that a start needs. Each request is one message, so that many threads can share the socket
 * without a lock; each reply has its own channel. Runs in the caller. Knows no process. */
#include "caller/connection.h"

#include "caller/process.h"
#include "os/poll.h"
#include "os/proc.h"
#include "os/procfs.h"
#include "os/sock.h"
#include "os/trace.h"
#include "program/image.h"
#include "program/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The helper that all starts without a server share. */
static struct beget__connection shared = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.control = &beget__control_shared,
	.pidfd = -1,
	.output = -1,
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
	beget__fd_close(&s->output);
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

static void end_launch(struct beget__connection *s)
{
	s->launching = false;
	beget__fd_close(&s->progress.channel);
	beget__fd_close(&s->output);
}

static void drop(struct beget__connection *s)
{
	end_launch(s);
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

/* After unshare(CLONE_NEWPID) the next child becomes the init of a namespace that ends with it. If that were the middle
 * process of a helper's launch, all later children of the caller would be killed. While the namespace has no init, the
 * link cannot be read. */
static bool first_child_is_init(void)
{
	char own[64], childrens[64];

	if (beget__procfs_link(own, sizeof(own), "/proc/thread-self/ns/pid") < 0)
		return false;
	return beget__procfs_link(childrens, sizeof(childrens), "/proc/thread-self/ns/pid_for_children") < 0 ||
	       strcmp(own, childrens) != 0;
}

/* Its socket alone does not show its end if another process holds the other side: a copy of the helper that does not
 * know that, or has not run yet. */
static void watch(struct beget__connection *s, int control)
{
	s->control->fd = control;
	s->control->identity = beget__fd_identity(control);
	int pidfd = beget__proc_pidfd_open(s->control->helper);
	s->pidfd = pidfd < 0 ? -1 : pidfd;
	s->pidfd_identity = beget__fd_identity(s->pidfd);
	s->control->gone = false;
}

static bool has_ended(const struct beget__connection *s)
{
	struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd >= 0 && beget__fd_poll(&end, 1, 0) > 0 && beget__fd_is(s->pidfd, &s->pidfd_identity);
}

static bool is_host(const struct beget__connection *s)
{
	return !beget__connection_program(s) && beget__image_is_host();
}

static const struct beget__launcher *launcher_of(const struct beget__connection *s)
{
	return s->setup.launcher.path ? &s->setup.launcher : NULL;
}

/* Runs under the guard, because no fork may copy the new descriptors before they are recorded. */
static int launch_guarded(struct beget__connection *s, int output)
{
	int pair[2], words = -1;
	int error = beget__sock_pair(pair);

	if (error)
		return beget__fail_errno(-error, "cannot create a channel to the helper");
	if (!launcher_of(s))
		s->words = beget__words_new(&words);
	error = beget__sock_report_senders(pair[1]);
	if (error)
		beget__fail_errno(-error, "cannot create a channel to the helper");
	else
		error = beget__launch_helper(beget__connection_program(s), launcher_of(s), words < 0 ? output : words,
		                             !s->lazy, pair[1], &s->control->helper);
	beget__fd_close(&pair[1]);
	beget__fd_close(&words);
	if (error)
		beget__fd_close(&pair[0]);
	else
		watch(s, pair[0]);
	return error;
}

static int launch_helper(struct beget__connection *s, const struct beget__state *now, int output)
{
	if (first_child_is_init())
		return beget__fail(
			EOPNOTSUPP,
			"cannot launch the helper: it would become the init process of the new pid namespace");
	if (beget__state_keep(now, &s->launched))
		return beget__fail_errno(ENOMEM, "cannot launch the helper");
	beget__state_helper(&s->launched, &s->born);
	s->born.by_launcher = launcher_of(s) != NULL;
	beget__forks_guard();
	int error = launch_guarded(s, output);
	beget__forks_unguard();
	if (error) {
		beget__state_free(&s->launched);
		beget__words_free(&s->words);
		return error;
	}
	s->control->adopted = false;
	s->host = is_host(s);
	s->generation++;
	beget__trace("launched helper %d", (int)s->control->helper);
	return 0;
}

/* Watches the helper from now on, not its launcher. */
static void arrive(struct beget__connection *s, pid_t helper)
{
	beget__forks_guard();
	close_own(&s->pidfd, &s->pidfd_identity);
	s->control->helper = helper;
	watch(s, s->control->fd);
	beget__forks_unguard();
}

/* The channel was closed first; the launcher may print its reason just now. */
static bool launcher_ends(const struct beget__connection *s)
{
	enum { REASON_MS = 1000 };
	struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd < 0 || beget__fd_poll(&end, 1, REASON_MS) > 0;
}

/* The launcher may still be running, and so may processes that it started. */
static int never_arrived(struct beget__connection *s, int error, int output)
{
	const char *name = s->setup.launcher.argv[0];
	bool ended = error == -ECONNRESET && launcher_ends(s);
	char said[160];

	beget__launcher_quote(output, said, sizeof(said));
	beget__proc_kill_group(s->control->helper, s->pidfd);
	if (error == -ETIMEDOUT)
		return beget__fail(ETIMEDOUT, "the launcher %.60s did not execute the program within %d ms%s%s", name,
		                   s->setup.timeout_ms, said[0] ? ": " : "", said);
	if (error != -ECONNRESET)
		return error;
	return beget__fail(ECONNRESET, "the launcher %.60s %s and did not execute the program%s%s", name,
	                   ended ? "ended" : "closed descriptor 3", said[0] ? ": " : ", and printed nothing", said);
}

static void open_output(struct beget__connection *s)
{
	if (!launcher_of(s))
		return;
	beget__forks_guard();
	s->output = beget__launcher_open_output();
	beget__forks_unguard();
}

struct beget__words *beget__connection_words(const struct beget__connection *s)
{
	return beget__words_arrived(s->words) ? NULL : s->words;
}

/* A missing function ends a helper that binds eagerly. A program that never calls it can run. */
bool beget__connection_adapt(struct beget__connection *s)
{
	bool missing = beget__words_contain(s->words, "symbol lookup error") ||
	               beget__words_contain(s->words, "Error relocating");

	if (!missing || s->lazy || beget__words_arrived(s->words))
		return false;
	s->lazy = true;
	s->control->gone = true;
	return true;
}

static int ended_early(const struct beget__words *words)
{
	char text[160];

	beget__words_quote(words, text, sizeof(text));
	return beget__fail(ECONNRESET, "the server ended before it reached beget_init%s%s", text[0] ? ": " : "",
	                   text[0] ? text : "; perhaps that is not the first statement of its main");
}

static int begin_launch(struct beget__connection *s, const struct beget__state *now)
{
	open_output(s);
	int error = launch_helper(s, now, s->output);
	if (error) {
		beget__fd_close(&s->output);
		return error;
	}
	s->launching = true;
	beget__setup_begin(&s->setup, &s->progress);
	return 0;
}

/* -EAGAIN: the helper is not prepared yet, and wait is false. */
static int go_on(struct beget__connection *s, bool wait)
{
	pid_t pid = 0;

	int error = beget__setup_advance(&s->setup, s->control->fd, &s->progress, wait, &pid);
	if (pid > 0)
		arrive(s, pid);
	if (error == -EAGAIN)
		return error;
	if (error && launcher_of(s) && s->progress.step == 0)
		error = never_arrived(s, error, s->output);
	else if (error == -ECONNRESET && beget__connection_words(s))
		error = ended_early(s->words);
	end_launch(s);
	if (error) {
		(void)beget__connection_adapt(s);
		drop(s);
	}
	return error;
}

static int launch_once(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	int error = s->launching ? 0 : begin_launch(s, now);

	return error ? error : go_on(s, wait);
}

/* A failure can teach how to launch the helper in another way. */
static int launch(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	bool lazy = s->lazy;
	int error = launch_once(s, now, wait);

	if (error && s->lazy != lazy && now)
		error = launch_once(s, now, wait);
	return error && error != -EAGAIN && beget__connection_program(s)
	               ? beget__fail_prefix("%.150s", s->setup.program.path)
	               : error;
}

/* Of an adopted helper, only the state that its children are born with is read, once. */
static int meet(struct beget__connection *s)
{
	struct beget__control *c = s->control;
	int error = 0;

	if (c->fd >= 0 && c->adopted && !c->met) {
		error = beget__state_read_birth(c->helper, &s->born);
		c->met = !error;
	}
	return error;
}

static bool usable(struct beget__connection *s, const struct beget__state *now)
{
	const struct beget__control *c = s->control;
	const char *beyond;

	if (c->fd < 0 || c->gone || s->launching || !(c->adopted ? c->met : s->host == is_host(s)))
		return false;
	if (now && (beyond = beget__state_beyond(now, &s->born))) {
		beget__trace("helper %d cannot provide %s", (int)s->control->helper, beyond);
		return false;
	}
	return true;
}

static int replace(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	struct beget__state fresh;

	bool lazy = s->lazy;
	int error = s->launching ? launch(s, NULL, wait) : meet(s);
	if (error ? s->lazy == lazy : usable(s, now))
		return error;
	if (!now) {
		error = beget__state_read(&fresh);
		if (error)
			return error;
		now = &fresh;
	}
	drop(s);
	return launch(s, now, wait);
}

/* What the sentinel of the server shows: the next reply, the deadline of the preparation, or that there is a result. */
static void show(struct beget__connection *s)
{
	if (s->poll < 0)
		return;
	if (s->launching)
		(void)beget__poll_add(s->poll, s->progress.channel, 0); /* it may be there already */
	beget__poll_timer_set(s->timer, s->launching ? s->progress.deadline : 1);
}

int beget__connection_prepare(struct beget__connection *s)
{
	if (pthread_rwlock_trywrlock(&s->lock)) /* a start has it, or waits for it */
		return -EAGAIN;
	if (!s->launching)
		(void)beget__connection_lives(s);
	int error = replace(s, NULL, false);
	show(s);
	pthread_rwlock_unlock(&s->lock);
	return error;
}

int beget__connection_watch(struct beget__connection *s)
{
	beget__forks_guard();
	s->poll = beget__poll_create();
	s->timer = beget__poll_timer();
	beget__forks_unguard();
	int error = s->poll < 0 ? s->poll : s->timer < 0 ? s->timer : beget__poll_add(s->poll, s->timer, 0);
	return error ? beget__fail_errno(-error, "cannot make the descriptor of the server") : 0;
}

int beget__connection_enter(struct beget__connection *s, const struct beget__state *wanted, struct beget__view *ret)
{
	pthread_rwlock_rdlock(&s->lock);
	while (!usable(s, wanted)) {
		pthread_rwlock_unlock(&s->lock);
		pthread_rwlock_wrlock(&s->lock);
		int error = replace(s, wanted, true);
		show(s);
		pthread_rwlock_unlock(&s->lock);
		if (error)
			return error;
		pthread_rwlock_rdlock(&s->lock);
	}
	*ret = (struct beget__view){&s->born, s->control->adopted ? NULL : &s->launched, s->generation};
	return 0;
}

bool beget__connection_enter_now(struct beget__connection *s, struct beget__view *ret)
{
	if (pthread_rwlock_tryrdlock(&s->lock))
		return false;
	if (!usable(s, NULL)) {
		pthread_rwlock_unlock(&s->lock);
		return false;
	}
	*ret = (struct beget__view){&s->born, s->control->adopted ? NULL : &s->launched, s->generation};
	return true;
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

void beget__connection_leave(struct beget__connection *s)
{
	pthread_rwlock_unlock(&s->lock);
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
	int error = launcher_of(s) ? beget__sock_report_senders(channel->fd) : 0;

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
	s->own.fd = s->pidfd = s->output = s->poll = s->timer = s->progress.channel = -1;
	pthread_rwlock_init(&s->lock, NULL);
	beget__forks_guard();
	s->forked.release = release;
	beget__forks_watch(&s->forked);
	beget__forks_unguard();
}

void beget__connection_retire(struct beget__connection *s)
{
	drop(s);
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
