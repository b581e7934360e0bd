/* The caller's side of the helper: launch it, hand it work, replace it when it is gone or cannot give what is asked.
 * Requests are single messages, so that many threads share the socket without a lock between them; all answers come
 * over the children's own channels. Runs in the caller. Knows no process. */
#include "server.h"

#include "image.h"
#include "message.h"
#include "process.h"
#include "sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pthread_rwlock_t lock; /* for reading: use it; for writing: replace it */
	int control;           /* -1: no helper */
	struct beget__identity identity;
	atomic_bool gone;
	bool host;    /* the host program's image: of no use once main has called beget_init */
	bool adopted; /* somebody else's: what it was born with is not known */
	pid_t pid;
	struct beget__state launched, born;
} server = {.lock = PTHREAD_RWLOCK_INITIALIZER, .control = -1};

/* A child that we start uses our helper; any other forked copy must not talk on our socket, nor keep the helper alive.
 */
static void child(void)
{
	bool there = server.control >= 0 && beget__sys_is(server.control, &server.identity);

	server.lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	if (there && beget__process_starting()) {
		server.adopted = true;
		server.born.unknown = false; /* read when it is needed */
		return;
	}
	if (there)
		beget__sys_close(&server.control);
	server.control = -1;
}

static void register_handler(void)
{
	pthread_atfork(NULL, NULL, child);
}

void beget__server_watch_forks(void)
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

static void drop(void)
{
	if (server.control < 0)
		return;
	/* The host may have closed our number and opened another file there. */
	if (beget__sys_is(server.control, &server.identity)) {
		if (!server.gone && !server.adopted) /* its children still need it for their last word */
			beget__message_send_plain(server.control, BEGET__RETIRE);
		beget__process_guard();
		beget__sys_close(&server.control);
		beget__process_unguard();
	}
	server.control = -1;
	if (!server.adopted)
		reap(server.pid, server.gone ? 0 : WNOHANG);
	beget__state_free(&server.launched);
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

static int launch(const struct beget__state *now)
{
	int pair[2];

	if (first_child_is_init())
		return beget__fail_plain(EOPNOTSUPP,
		                         "cannot launch the helper: it would become the init of the pid namespace "
		                         "that was made for children");
	beget__server_watch_forks();
	if (beget__state_keep(now, &server.launched))
		return beget__fail(ENOMEM, "cannot launch the helper");
	beget__state_helper(&server.launched, &server.born);
	beget__process_guard();
	int error = beget__sys_pair(pair);
	if (error) {
		beget__fail(-error, "cannot make a channel to the helper");
	} else {
		error = beget__image_helper(pair[1], &server.pid);
		beget__sys_close(&pair[1]);
		if (error)
			beget__sys_close(&pair[0]);
		else
			server.control = pair[0];
	}
	beget__process_unguard();
	if (error) {
		beget__state_free(&server.launched);
		return error;
	}
	server.identity = beget__sys_identity(server.control);
	server.gone = false;
	server.adopted = false;
	server.host = beget__image_is_host();
	beget__trace("launched helper %d", (int)server.pid);
	return 0;
}

/* Of a helper that was adopted, only what one can be born with is read, once. */
static int meet(void)
{
	if (server.control >= 0 && server.adopted && !server.born.unknown)
		return beget__state_read_birth(server.pid, &server.born);
	return 0;
}

static bool usable(const struct beget__state *now)
{
	const char *beyond;

	if (server.control < 0 || server.gone || (server.adopted && !server.born.unknown) ||
	    (!server.adopted && server.host != beget__image_is_host()))
		return false;
	if (now && (beyond = beget__state_beyond(now, &server.born))) {
		beget__trace("helper %d cannot give %s", (int)server.pid, beyond);
		return false;
	}
	return true;
}

static int replace(const struct beget__state *now)
{
	struct beget__state fresh;

	int error = meet();
	if (error || usable(now))
		return error;
	if (!now) {
		error = beget__state_read(&fresh);
		if (error)
			return error;
		now = &fresh;
	}
	drop();
	return launch(now);
}

int beget__server_enter(const struct beget__state *wanted, struct beget__server_view *ret)
{
	pthread_rwlock_rdlock(&server.lock);
	while (!usable(wanted)) {
		pthread_rwlock_unlock(&server.lock);
		pthread_rwlock_wrlock(&server.lock);
		int error = replace(wanted);
		pthread_rwlock_unlock(&server.lock);
		if (error)
			return error;
		pthread_rwlock_rdlock(&server.lock);
	}
	*ret = (struct beget__server_view){&server.born, server.adopted ? NULL : &server.launched};
	return 0;
}

void beget__server_leave(void)
{
	pthread_rwlock_unlock(&server.lock);
}

int beget__server_start(int channel, pid_t caller, bool tied)
{
	int error = -EPIPE;

	if (beget__sys_is(server.control, &server.identity))
		error = beget__message_send_start(server.control, channel, caller, tied);
	if (error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN) {
		server.gone = true;
		return -EPIPE;
	}
	return error ? beget__fail(-error, "cannot hand the start to the helper") : 0;
}

void beget__server_visit(void)
{
	pthread_rwlock_rdlock(&server.lock);
}

int beget__server_lend(pid_t *helper)
{
	*helper = server.pid;
	return server.control >= 0 && !server.gone && beget__sys_is(server.control, &server.identity) ? server.control
	                                                                                              : -1;
}

void beget__server_adopt(int control, pid_t helper)
{
	server.control = control;
	server.identity = beget__sys_identity(control);
	server.pid = helper;
	server.adopted = true;
	server.gone = false;
	server.born.unknown = false;
	beget__server_watch_forks();
}
