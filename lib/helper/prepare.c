/* Prepares the helper: loads libraries, runs a call, and finds the descriptors and threads that they left. Runs in the
 * helper. */
#include "helper/prepare.h"

#include "callee/exchange.h"
#include "callee/stream.h"
#include "callee/tie.h"
#include "message/report.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/procfs.h"
#include "os/thread.h"
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The step that runs now, and the channel on which its outcome is awaited. */
static struct {
	const char *what; /* NULL: no step is running */
	int channel;
	pid_t pid;
	int streams[3];
	struct beget__state state; /* before the step */
	bool ever;                 /* a step has begun */
} running;

/* The helper's own streams are /dev/null: what is printed in this step is printed by the caller's streams, once. */
static void lend_streams(const int streams[3])
{
	for (int i = 0; i <= STDERR_FILENO; i++) {
		running.streams[i] = beget__fd_dup(i);
		if (streams[i] >= 0)
			(void)beget__fd_put(streams[i], i);
	}
}

static void take_streams_back(void)
{
	beget__stream_flush();
	for (int i = 0; i <= STDERR_FILENO; i++) {
		if (running.streams[i] >= 0)
			(void)beget__fd_put(running.streams[i], i);
		beget__fd_close(&running.streams[i]);
	}
	beget__stream_renew_input();
}

/* Registered before the program's code runs, so it is called after the handlers that this code registers. */
static void left(void)
{
	char code[32];

	if (!running.what || running.pid != getpid())
		return;
	beget__stream_flush();
	beget__fail(ECANCELED, "%s exited%s", running.what, beget__libc_exit_text(code, sizeof(code)));
	beget__report_send_failed(running.channel, beget__fail_last());
	_exit(127);
}

/* Code of the program is about to run in this process and may change anything. If the process that waits for it ends,
 * this one ends too. */
static int begin(const char *what, int channel, const int streams[3])
{
	struct beget__state now;

	if (!running.ever && beget__libc_at_exit(left))
		return beget__fail_errno(ENOMEM, "cannot register the exit handler");
	running.ever = true;
	int error = beget__state_read(&now);
	if (error)
		return error;
	if (beget__state_keep(&now, &running.state))
		return beget__fail_errno(ENOMEM, "cannot save the state");
	error = getpid() == 1 ? 0 : beget__tie_arm(channel); /* not for process 1 of a launcher's namespace */
	if (error)
		return error;
	running.state.cwd_fd = beget__fd_open(".", O_PATH | O_DIRECTORY);
	running.channel = channel;
	running.pid = getpid();
	running.what = what;
	lend_streams(streams);
	return 0;
}

/* The step was run for its memory, descriptors and threads, which stay. All other state is restored, because each child
 * gets the caller's. */
static int end(void)
{
	take_streams_back();
	running.what = NULL;
	beget__tie_disarm(running.channel);
	int error = beget__state_restore(&running.state);
	beget__fd_close(&running.state.cwd_fd);
	if (environ != running.state.env)
		beget__state_free(&running.state);
	return error;
}

int beget__prepare_load(const char *path, int channel, const int streams[3])
{
	if (!path)
		return beget__fail(EBADMSG, "the request to preload names no library");
	int error = begin("a preloaded library", channel, streams);
	if (error)
		return error;
	int refused = beget__module_open(path);
	struct beget__failure why = *beget__fail_last();
	error = end();
	return refused ? beget__fail_again(&why) : error;
}

/* A negative result is a failure, and its negation may be an errno. -1 is not taken for EPERM, because C functions
 * return it for any failure. */
static int outcome(unsigned type, const union beget__value *result)
{
	long long value = type == BEGET_TYPE_INT     ? result->i
	                  : type == BEGET_TYPE_LONG  ? result->l
	                  : type == BEGET_TYPE_LLONG ? result->ll
	                                             : 0;

	if (value >= 0)
		return 0;
	return value > -4096 && value < -1 ? beget__fail_errno((int)-value, "the prepare call returned %lld", value)
	                                   : beget__fail(EINVAL, "the prepare call returned %lld", value);
}

static int receive(struct beget__exchange *x, int channel)
{
	int got = beget__exchange_receive(x, channel, BEGET__CALL);

	if (got == 0)
		return beget__fail(ECONNRESET, "cannot receive the prepare call: the caller is gone");
	int error = got < 0 ? got : beget__exchange_read(x);
	return error ? error : beget__exchange_settle(x);
}

static int call(struct beget__exchange *x, int channel, const int streams[3])
{
	int error = begin("the prepare call", channel, streams);
	if (error)
		return error;
	error = beget__exchange_call(x);
	int state = end();
	if (!error)
		error = outcome(x->order.call.result, &x->result);
	return error ? error : state;
}

int beget__prepare_call(int channel, const int streams[3])
{
	char *buffer = beget__mem_alloc_aligned(BEGET__ALIGN_MAX, BEGET__PACKET_SIZE);
	struct beget__exchange *x = beget__mem_alloc(sizeof(*x));

	if (!buffer || !x) {
		free(buffer);
		free(x);
		return beget__fail_errno(ENOMEM, "cannot receive the prepare call");
	}
	beget__exchange_init(x, buffer);
	int error = receive(x, channel);
	if (!error) /* from now on the target may have kept pointers to its arguments, so the exchange is not freed */
		return call(x, channel, streams);
	beget__exchange_end(x);
	free(buffer);
	free(x);
	return error;
}

int beget__prepare_threads(unsigned flags)
{
	struct beget__thread_names names;
	int threads = beget__thread_count();

	if (threads <= 1 || (flags & BEGET_SERVER_THREADS))
		return 0;
	beget__thread_names(&names);
	return beget__fail(EDEADLK,
	                   "%d threads are running in the server besides the first (%s), and its children would not "
	                   "have them (BEGET_SERVER_THREADS permits it)",
	                   threads - 1, names.text);
}

static bool is_own(int fd, const int *own, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (own[i] == fd)
			return true;
	return fd <= STDERR_FILENO;
}

int beget__prepare_open(const int *own, size_t n, int **ret, size_t *ret_n)
{
	size_t all_n, kept = 0;
	int *all;

	if (!running.ever) /* if no step has run, /proc is not needed, which a launcher may hide */
		return 0;
	int error = beget__procfs_descriptors(&all, &all_n);
	if (error)
		return beget__fail_errno(-error, "cannot list the descriptors that the prepare call left open");
	for (size_t i = 0; i < all_n; i++)
		if (!is_own(all[i], own, n))
			all[kept++] = all[i];
	*ret = all;
	*ret_n = kept;
	return 0;
}
