/* A child's way from its birth to its target to its end: one for all methods.
 * Runs in the child only. Knows no caller's handle and no helper. */
#include "child.h"

#include "call.h"
#include "image.h"
#include "message.h"
#include "stream.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
	pid_t pid; /* zero: this process was not started by beget */
	pid_t caller;
	enum beget_method method;
} self;

pid_t beget_caller_pid(void)
{
	return self.pid == getpid() ? self.caller : beget__fail_plain(ESRCH, "this process was not started by beget");
}

int beget_start_method(void)
{
	return self.pid == getpid() ? (int)self.method
	                            : beget__fail_plain(ESRCH, "this process was not started by beget");
}

__attribute__((weak)) void __gcov_dump(void);

/* Registered just before the target runs: runs after the handlers that the target registered, and leaves before those
 * that it inherited. */
static void leave(int code, void *unused)
{
	(void)unused;
	beget__stream_flush();
	if (__gcov_dump)
		__gcov_dump();
	_exit(code);
}

/* Nothing but this record says why the target was not reached. */
static _Noreturn void give_up(int channel)
{
	beget__message_send_failed(channel, beget__failure());
	_exit(127);
}

static _Noreturn void run(int channel, const struct beget_call *call)
{
	struct beget__identity birth = beget__sys_identity(channel);
	union beget__value result;

	beget__stream_purge();
	if (on_exit(leave, NULL)) {
		beget__fail(ENOMEM, "cannot register the exit handler");
		give_up(channel);
	}
	beget__trace("calls its target");
	int error = beget__call_run(call, &result);
	if (error) {
		beget__fail(-error, "cannot call the target");
		give_up(channel);
	}
	/* A target that closed everything and opened a file must not find bytes of ours in it. */
	if (beget__sys_is(channel, &birth))
		error = beget__message_send_result(channel, call->result, &result);
	beget__trace("returns%s", error ? ", and cannot send its result" : "");
	exit(0);
}

/* Where the caller has standard streams closed, nothing that is received may land there. */
static unsigned plug_streams(void)
{
	unsigned plugged = 0;

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) == fd)
			plugged |= 1u << fd;
	return plugged;
}

static void unplug_streams(unsigned plugged)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (plugged & 1u << fd)
			close(fd);
}

static void begin(enum beget_method method, pid_t caller)
{
	self.pid = getpid();
	self.caller = caller;
	self.method = method;
	beget__role = "child";
}

/* A child of the helper tells itself who was born, before anything else: were it the helper that tells, and killed
 * before it could, a child would run that nobody can signal. */
static void announce(int channel)
{
	int pidfd = beget__sys_pidfd_open(getpid());

	if (beget__message_send_born(channel, getpid(), pidfd) && pidfd >= 0)
		beget__message_send_born(channel, getpid(), -1); /* too many descriptors in flight: the pid alone */
	beget__sys_close(&pidfd);
}

void beget__child_serve(enum beget_method method)
{
	/* As aligned as any argument in it may ask, and touched only as far as it is filled. */
	static _Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__WIRE_PACKET];
	static struct beget__frame frame = {.buffer = buffer};
	static struct beget__order order;
	int channel = BEGET__CHANNEL_FD;

	begin(method, 0);
	beget__image_inherit();
	unsigned plugged = plug_streams();
	if (method == BEGET_FORKSERVER)
		announce(channel);
	int got = beget__wire_receive(channel, &frame, 0);
	if (got == -ECONNRESET) /* the caller has closed without reading who was born; its call may be there */
		got = beget__wire_receive(channel, &frame, 0);
	if (got == 0 || got == -ECONNRESET)
		_exit(0); /* the caller is gone, or has thought better of it */
	if (got != 1 || frame.kind != BEGET__CALL) {
		beget__fail(got < 0 ? -got : EBADMSG, "cannot receive the call");
		give_up(channel);
	}
	unplug_streams(plugged);
	struct beget__reader reader = {frame.body, 0, frame.size, false};
	struct beget__fds fds = {frame.fds, frame.nfds, frame.nfds};
	if (beget__message_get_head(&reader, &self.caller) || beget__state_apply(&reader, &fds) ||
	    beget__message_get_call(&reader, &fds, &order) ||
	    beget__target_resolve(&order.target, &order.call.function))
		give_up(channel);
	for (int i = 0; i < fds.n; i++) /* those that the arguments did not take */
		beget__sys_close(&fds.fds[i]);
	beget__trace_init();
	run(channel, &order.call);
}

void beget__child_forked(int channel, pid_t caller, const struct beget_call *call)
{
	struct beget__inbox {
		struct beget__frame frame;
		char buffer[BEGET__WIRE_PACKET];
	} in = {.frame.buffer = in.buffer};

	begin(BEGET_FORK, caller);
	int got = beget__wire_receive(channel, &in.frame, 0);
	if (got != 1 || in.frame.kind != BEGET__GO)
		_exit(0); /* the caller could not keep us */
	run(channel, call);
}
