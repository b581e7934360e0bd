/* Launching the helper of a connection and preparing it, step by step, and why that failed. Runs in the caller. */
#include "caller/launching.h"

#include "os/fail.h"
#include "os/place.h"
#include "os/proc.h"
#include "os/procfs.h"
#include "os/sock.h"
#include "os/trace.h"
#include "program/launch.h"
#include "state/carry.h"

#include <errno.h>
#include <string.h>

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

/* Runs under the guard, because no fork may copy the new descriptors before they are recorded. */
static int launch_guarded(struct beget__connection *s)
{
	int pair[2], words = -1;
	int error = beget__sock_pair(pair);

	if (error)
		return beget__fail_errno(-error, "cannot create a channel to the helper");
	s->words = beget__words_new(&words);
	error = beget__sock_report_senders(pair[1]);
	if (error)
		beget__fail_errno(-error, "cannot create a channel to the helper");
	else
		error = beget__launch_helper(beget__connection_program(s), beget__connection_launcher(s), words,
		                             !s->lazy, pair[1], &s->control->helper);
	beget__fd_close(&pair[1]);
	beget__fd_close(&words);
	if (error)
		beget__fd_close(&pair[0]);
	else
		beget__connection_attach(s, pair[0]);
	return error;
}

static int launch_helper(struct beget__connection *s, const struct beget__state *now)
{
	if (first_child_is_init())
		return beget__fail(
			EOPNOTSUPP,
			"cannot launch the helper: it would become the init process of the new pid namespace");
	if (beget__state_keep(now, &s->launched))
		return beget__fail_errno(ENOMEM, "cannot launch the helper");
	s->launched.cwd_path = beget__place_path();
	beget__state_helper(&s->launched, &s->born);
	s->born.by_launcher = beget__connection_launcher(s) != NULL;
	beget__forks_guard();
	int error = launch_guarded(s);
	beget__forks_unguard();
	if (error) {
		beget__state_free(&s->launched);
		beget__words_free(&s->words);
		return error;
	}
	s->control->adopted = false;
	s->host = beget__connection_is_host(s);
	s->generation++;
	beget__trace("launched helper %d", (int)s->control->helper);
	return 0;
}

/* The channel was closed first; the launcher may print its reason just now. */
static bool launcher_ends(const struct beget__connection *s)
{
	enum { REASON_MS = 1000 };
	struct pollfd end = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd < 0 || beget__fd_poll(&end, 1, REASON_MS) > 0;
}

/* The launcher may still be running, and so may processes that it started. */
static int never_arrived(struct beget__connection *s, int error)
{
	const char *name = s->setup.launcher.argv[0];
	bool ended = error == -ECONNRESET && launcher_ends(s);
	char said[160];

	beget__words_quote(s->words, said, sizeof(said));
	beget__proc_kill_group(s->control->helper, s->pidfd);
	if (error == -ETIMEDOUT)
		return beget__fail(ETIMEDOUT, "the launcher %.60s did not execute the program within %d ms%s%s", name,
		                   s->setup.timeout_ms, said[0] ? ": " : "", said);
	if (error != -ECONNRESET)
		return error;
	return beget__fail(ECONNRESET, "the launcher %.60s %s and did not execute the program%s%s", name,
	                   ended ? "ended" : "closed descriptor 3", said[0] ? ": " : ", and printed nothing", said);
}

/* A missing function ends a helper that binds eagerly. A program that never calls it can run. */
bool beget__launching_adapt(struct beget__connection *s)
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

/* The next packets of ours find the helper in another directory. If this one is lost, the helper stays where it is. */
static void let_leave(const struct beget__connection *s)
{
	if (!s->born.by_launcher && beget__carry_cwd_left(&s->born))
		(void)beget__request_send_plain(s->control->fd, BEGET__LEAVE);
}

static int begin_launch(struct beget__connection *s, const struct beget__state *now)
{
	int error = launch_helper(s, now);

	if (error)
		return error;
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
		beget__connection_move(s, pid);
	if (error == -EAGAIN)
		return error;
	if (error && beget__connection_launcher(s) && s->progress.step == 0)
		error = never_arrived(s, error);
	else if (error == -ECONNRESET && beget__connection_words(s))
		error = ended_early(s->words);
	s->launching = false;
	if (error) {
		(void)beget__launching_adapt(s);
		beget__connection_drop(s);
		return error;
	}
	let_leave(s);
	if (s->setup.wanted) /* it has replied */
		beget__words_free(&s->words);
	return 0;
}

static int launch_once(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	int error = s->launching ? 0 : begin_launch(s, now);

	return error ? error : go_on(s, wait);
}

/* A failure can teach how to launch the helper in another way. */
int beget__launching_go_on(struct beget__connection *s, const struct beget__state *now, bool wait)
{
	bool lazy = s->lazy;
	int error = launch_once(s, now, wait);

	if (error && s->lazy != lazy && now)
		error = launch_once(s, now, wait);
	return error && error != -EAGAIN && beget__connection_program(s)
	               ? beget__fail_prefix("%.150s", s->setup.program.path)
	               : error;
}
