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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pthread_rwlock_t lock; /* for reading: use it; for writing: replace it */
	int control;           /* -1: no helper */
	struct beget__identity identity;
	atomic_bool gone;
	pid_t pid;
	struct beget__state born;
} server = {.lock = PTHREAD_RWLOCK_INITIALIZER, .control = -1};

/* A forked copy of the caller must not talk on its socket, nor keep the helper alive with it. */
static void child(void)
{
	pthread_rwlock_init(&server.lock, NULL);
	if (server.control >= 0 && beget__sys_is(server.control, &server.identity))
		beget__sys_close(&server.control);
	server.control = -1;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, child);
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
		if (!server.gone) /* its children still need it for their last word */
			beget__message_send_plain(server.control, BEGET__RETIRE);
		beget__process_guard();
		beget__sys_close(&server.control);
		beget__process_unguard();
	}
	server.control = -1;
	reap(server.pid, server.gone ? 0 : WNOHANG);
	beget__state_free(&server.born);
}

static int launch(const struct beget__state *now)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int pair[2];

	pthread_once(&once, watch_forks);
	if (beget__state_helper(now, &server.born))
		return beget__fail(ENOMEM, "cannot launch the helper");
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
		beget__state_free(&server.born);
		return error;
	}
	server.identity = beget__sys_identity(server.control);
	server.gone = false;
	beget__trace("launched helper %d", (int)server.pid);
	return 0;
}

static bool usable(const struct beget__state *now)
{
	return server.control >= 0 && !server.gone && !beget__state_beyond(now, &server.born);
}

int beget__server_enter(const struct beget__state *now, const struct beget__state **born)
{
	int error = 0;

	pthread_rwlock_rdlock(&server.lock);
	while (!usable(now)) {
		pthread_rwlock_unlock(&server.lock);
		pthread_rwlock_wrlock(&server.lock);
		if (!usable(now)) {
			drop();
			error = launch(now);
		}
		pthread_rwlock_unlock(&server.lock);
		if (error)
			return error;
		pthread_rwlock_rdlock(&server.lock);
	}
	*born = &server.born;
	return 0;
}

void beget__server_leave(void)
{
	pthread_rwlock_unlock(&server.lock);
}

int beget__server_start(int channel)
{
	int error = -EPIPE;

	if (beget__sys_is(server.control, &server.identity))
		error = beget__message_send_start(server.control, channel);
	if (error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN) {
		server.gone = true;
		return -EPIPE;
	}
	return error ? beget__fail(-error, "cannot hand the start to the helper") : 0;
}
