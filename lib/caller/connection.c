/* The caller's side of a helper: launch it, hand it work, replace it when it is gone or cannot give what is asked.
 * Requests are single messages, so that many threads share the socket without a lock between them; all answers come
 * over channels of their own. Runs in the caller. Knows no process. */
#include "caller/connection.h"

#include "caller/process.h"
#include "caller/spare.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/trace.h"
#include "program/image.h"
#include "program/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The one that all share, and the list of all. */
static struct beget_server shared = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.control = -1,
	.pidfd = -1,
	.pool_lock = PTHREAD_MUTEX_INITIALIZER,
};
static struct beget_server *others;

int beget__connection_of(struct beget_server *named, struct beget_server **ret)
{
	*ret = named ? named : &shared;
	return !named || named->owner == getpid()
	               ? 0
	               : beget__fail(ECHILD, "the server belongs to process %d, of which this is a copy",
	                             (int)named->owner);
}

const struct beget__executable *beget__connection_program(const struct beget_server *s)
{
	return s->setup.program.path ? &s->setup.program : NULL;
}

/* The host may have closed our numbers and opened other files there. */
static void close_own(int *fd, const struct beget__identity *identity)
{
	if (*fd >= 0 && beget__fd_is(*fd, identity))
		beget__fd_close(fd);
	*fd = -1;
}

/* Any forked copy must not talk on our socket, nor keep the helper alive. */
static void let_go(struct beget_server *s)
{
	s->lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	s->pool_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	s->pools[0].n = s->pools[1].n = 0; /* process.c has closed what they had */
	beget__setup_close(&s->setup);
	close_own(&s->control, &s->identity);
	close_own(&s->pidfd, &s->pidfd_identity);
}

/* But a child that we start uses the shared one. */
static void child(void)
{
	for (struct beget_server *s = others; s; s = s->next)
		let_go(s);
	beget__spare_forget();
	others = NULL; /* the copies stay allocated: the program may close them */
	if (!beget__process_starting() || shared.control < 0 || !beget__fd_is(shared.control, &shared.identity)) {
		let_go(&shared);
		return;
	}
	shared.lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	close_own(&shared.pidfd, &shared.pidfd_identity);
	shared.adopted = true;
	shared.born.unknown = false; /* read when it is needed */
}

static void register_handler(void)
{
	pthread_atfork(NULL, NULL, child);
}

void beget__connection_watch_forks(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_handler);
}

/* Only a host that is PID 1 or a subreaper has become the parent of the helper. */
static void reap(pid_t pid, int options)
{
	int subreaper = 0, status;

	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	if (pid > 0 && (subreaper || getpid() == 1))
		while (waitpid(pid, &status, options) < 0 && errno == EINTR)
			;
}

static void drop(struct beget_server *s)
{
	beget__spare_discard(s);
	if (s->control < 0)
		return;
	if (!s->gone && !s->adopted && beget__fd_is(s->control, &s->identity))
		beget__request_send_plain(s->control, BEGET__RETIRE); /* its children need it for their last word */
	beget__process_guard();
	close_own(&s->control, &s->identity);
	close_own(&s->pidfd, &s->pidfd_identity);
	beget__process_unguard();
	if (!s->adopted)
		reap(s->pid, s->gone ? 0 : WNOHANG);
	beget__state_free(&s->launched);
}

/* After unshare(CLONE_NEWPID) the next child is the init of a namespace that ends with it: the middle process of the
 * helper's birth would take all later children of the caller along. Before there is an init, the link cannot be read.
 */
static bool first_child_is_init(void)
{
	char own[64] = "", childrens[64] = "";

	if (readlink("/proc/thread-self/ns/pid", own, sizeof(own) - 1) <= 0)
		return false;
	return readlink("/proc/thread-self/ns/pid_for_children", childrens, sizeof(childrens) - 1) <= 0 ||
	       strcmp(own, childrens) != 0;
}

/* Its socket alone does not tell of its end while somebody else holds the other side: a copy of it that did not know,
 * or has not run yet. */
static void watch(struct beget_server *s, int control)
{
	s->control = control;
	s->identity = beget__fd_identity(control);
	int pidfd = beget__proc_pidfd_open(s->pid);
	s->pidfd = pidfd < 0 ? -1 : pidfd;
	s->pidfd_identity = beget__fd_identity(s->pidfd);
	s->gone = false;
}

static bool has_ended(const struct beget_server *s)
{
	struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd >= 0 && beget__fd_poll(&end, 1, 0) > 0 && beget__fd_is(s->pidfd, &s->pidfd_identity);
}

static bool is_host(const struct beget_server *s)
{
	return !beget__connection_program(s) && beget__image_is_host();
}

static int launch_helper(struct beget_server *s, const struct beget__state *now)
{
	int pair[2];

	if (first_child_is_init())
		return beget__fail(EOPNOTSUPP,
		                   "cannot launch the helper: it would become the init of the pid namespace "
		                   "that was made for children");
	beget__connection_watch_forks();
	if (beget__state_keep(now, &s->launched))
		return beget__fail_errno(ENOMEM, "cannot launch the helper");
	beget__state_helper(&s->launched, &s->born);
	beget__process_guard();
	int error = beget__sock_pair(pair);
	if (!error && (error = beget__sock_tell_senders(pair[1]))) {
		beget__fd_close(&pair[0]);
		beget__fd_close(&pair[1]);
	}
	if (error) {
		beget__fail_errno(-error, "cannot make a channel to the helper");
	} else {
		error = beget__launch_helper(beget__connection_program(s), pair[1], &s->pid);
		beget__fd_close(&pair[1]);
		if (error)
			beget__fd_close(&pair[0]);
		else
			watch(s, pair[0]);
	}
	beget__process_unguard();
	if (error) {
		beget__state_free(&s->launched);
		return error;
	}
	s->adopted = false;
	s->host = is_host(s);
	s->generation++;
	beget__trace("launched helper %d", (int)s->pid);
	return 0;
}

static int launch(struct beget_server *s, const struct beget__state *now)
{
	int error = launch_helper(s, now);

	if (!error && (error = beget__setup_run(&s->setup, s->control)))
		drop(s);
	return error && beget__connection_program(s) ? beget__fail_prefix("%.150s", s->setup.program.path) : error;
}

/* Of a helper that was adopted, only what one can be born with is read, once. */
static int meet(struct beget_server *s)
{
	if (s->control >= 0 && s->adopted && !s->born.unknown)
		return beget__state_read_birth(s->pid, &s->born);
	return 0;
}

static bool usable(struct beget_server *s, const struct beget__state *now)
{
	const char *beyond;

	if (s->control < 0 || s->gone || (s->adopted && !s->born.unknown) || (!s->adopted && s->host != is_host(s)))
		return false;
	if (now && (beyond = beget__state_beyond(now, &s->born))) {
		beget__trace("helper %d cannot give %s", (int)s->pid, beyond);
		return false;
	}
	return true;
}

static int replace(struct beget_server *s, const struct beget__state *now)
{
	struct beget__state fresh;

	int error = meet(s);
	if (error || usable(s, now))
		return error;
	if (!now) {
		error = beget__state_read(&fresh);
		if (error)
			return error;
		now = &fresh;
	}
	drop(s);
	return launch(s, now);
}

int beget__connection_enter(struct beget_server *s, const struct beget__state *wanted, struct beget__view *ret)
{
	pthread_rwlock_rdlock(&s->lock);
	while (!usable(s, wanted)) {
		pthread_rwlock_unlock(&s->lock);
		pthread_rwlock_wrlock(&s->lock);
		int error = replace(s, wanted);
		pthread_rwlock_unlock(&s->lock);
		if (error)
			return error;
		pthread_rwlock_rdlock(&s->lock);
	}
	*ret = (struct beget__view){&s->born, s->adopted ? NULL : &s->launched, s->generation};
	return 0;
}

bool beget__connection_enter_now(struct beget_server *s, struct beget__view *ret)
{
	if (pthread_rwlock_tryrdlock(&s->lock))
		return false;
	if (!usable(s, NULL)) {
		pthread_rwlock_unlock(&s->lock);
		return false;
	}
	*ret = (struct beget__view){&s->born, s->adopted ? NULL : &s->launched, s->generation};
	return true;
}

bool beget__connection_lives(struct beget_server *s)
{
	struct pollfd ends[] = {{.fd = s->control, .events = POLLRDHUP}, {.fd = s->pidfd, .events = POLLIN}};

	if (!beget__fd_is(s->control, &s->identity))
		s->gone = true;
	else if (beget__fd_poll(ends, 2, 0) > 0)
		s->gone |= ends[0].revents || beget__fd_is(s->pidfd, &s->pidfd_identity);
	return !s->gone;
}

void beget__connection_leave(struct beget_server *s)
{
	pthread_rwlock_unlock(&s->lock);
}

static int handed(struct beget_server *s, int error)
{
	if (error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN) {
		s->gone = true;
		return -EPIPE;
	}
	return error && error != -ETIMEDOUT ? beget__fail_errno(-error, "cannot hand the start to the helper") : error;
}

int beget__connection_start(struct beget_server *s, int channel, const struct beget__request *request)
{
	if (!beget__fd_is(s->control, &s->identity) || has_ended(s))
		return handed(s, -EPIPE);
	return handed(s, beget__request_send_start(s->control, channel, request));
}

int beget__connection_tie(struct beget_server *s, pid_t pid)
{
	return handed(s, beget__request_send_tie(s->control, pid));
}

void beget__connection_visit(void)
{
	pthread_rwlock_rdlock(&shared.lock);
}

void beget__connection_unvisit(void)
{
	pthread_rwlock_unlock(&shared.lock);
}

int beget__connection_lend(pid_t *helper)
{
	*helper = shared.pid;
	return shared.control >= 0 && !shared.gone && beget__fd_is(shared.control, &shared.identity) ? shared.control
	                                                                                             : -1;
}

void beget__connection_adopt(int control, pid_t helper)
{
	shared.control = control;
	shared.identity = beget__fd_identity(control);
	shared.pid = helper;
	shared.adopted = true;
	shared.gone = false;
	shared.born.unknown = false;
	beget__connection_watch_forks();
}

void beget__connection_enlist(struct beget_server *s)
{
	s->owner = getpid();
	s->control = s->pidfd = -1;
	pthread_rwlock_init(&s->lock, NULL);
	pthread_mutex_init(&s->pool_lock, NULL);
	beget__connection_watch_forks();
	beget__process_guard();
	s->next = others;
	s->link = &others;
	if (others)
		others->link = &s->next;
	others = s;
	beget__process_unguard();
}

void beget__connection_retire(struct beget_server *s)
{
	drop(s);
	beget__process_guard();
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	beget__process_unguard();
	pthread_rwlock_destroy(&s->lock);
	pthread_mutex_destroy(&s->pool_lock);
}
