/* The life of a child, from birth to target to exit, the same for all methods.
 * Runs only in the child. Knows no handle of the caller and no helper. */
#include "child/child.h"

#include "call/buffer.h"
#include "callee/exchange.h"
#include "callee/stream.h"
#include "callee/tie.h"
#include "child/crash.h"
#include "child/loop.h"
#include "message/control.h"
#include "message/report.h"
#include "monitor/monitor.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/self.h"
#include "os/title.h"
#include "os/trace.h"
#include "program/coverage.h"
#include "program/image.h"
#include "program/words.h"
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	pid_t pid; /* zero: this process was not started by beget */
	enum beget_method method;
	struct beget__head head;
	int channel;
	struct beget__identity birth; /* of the channel */
	int caller;                   /* pidfd of the caller, opened on first use */
} self;

pid_t beget_caller_pid(void)
{
	return self.pid == getpid() ? self.head.caller : beget__fail(ESRCH, "this process was not started by beget");
}

int beget__child_channel(void)
{
	if (self.pid != getpid())
		return beget__fail(ESRCH, "this process was not started by beget");
	return beget__fd_is(self.channel, &self.birth) ? self.channel
	                                               : beget__fail(ESRCH, "the channel to the caller was closed");
}

int beget_start_method(void)
{
	return self.pid == getpid() ? (int)self.method : beget__fail(ESRCH, "this process was not started by beget");
}

/* Registered just before the target runs: it runs after the handlers that the target registers, and exits before those
 * that were inherited. If it does not know the exit code, it must let exit continue. */
static void leave(void)
{
	int code;

	beget__stream_flush();
	beget__coverage_write();
	if (beget__libc_exit_code(&code))
		_exit(code);
}

int beget_caller_sentinel(void)
{
	if (self.pid != getpid())
		return beget__fail(ESRCH, "this process was not started by beget");
	if (self.caller < 0)
		self.caller = beget__tie_watch(beget__fd_is(self.channel, &self.birth) ? self.channel : -1,
		                               self.head.caller, self.head.caller_started);
	if (self.caller == -EOPNOTSUPP)
		return beget__fail(EOPNOTSUPP, "cannot watch the caller: it cannot be identified from this process");
	if (self.caller < 0)
		return beget__fail_errno(-self.caller, "cannot watch the caller");
	return self.caller;
}

/* Only this record says why the target was not reached. */
static _Noreturn void give_up(void)
{
	beget__report_send_failed(self.channel, beget__fail_last());
	_exit(127);
}

/* A constructor of a module that is loaded for the target can exit, which must not look like the target's own exit. Not
 * reached once a later handler exits. */
static void left_early(void)
{
	char code[32];

	if (self.pid != getpid())
		return;
	beget__fail(ECANCELED, "a constructor of a module that the target needs exited%s",
	            beget__libc_exit_text(code, sizeof(code)));
	if (beget__fd_is(self.channel, &self.birth))
		beget__report_send_failed(self.channel, beget__fail_last());
}

/* Functions are sent with the modules that they need. */
static bool may_load(const struct beget__order *order)
{
	for (unsigned i = 0; i < order->call.n; i++)
		if (order->args[i].type == BEGET_TYPE_FUNCTION)
			return true;
	return order->target.modules.size > 0;
}

/* What is done before any code of the program is called. */
static void settle_in(void)
{
	if (self.method != BEGET_FORKSERVER) /* the helper has done this: see beget__child_prepare */
		beget__stream_purge();
	if (beget__libc_at_exit(leave)) {
		beget__fail_errno(ENOMEM, "cannot register the exit handler");
		give_up();
	}
	if (self.head.flags & BEGET_CRASH_REPORT)
		beget__crash_arm(self.channel);
}

/* Runs tasks one after another, and ends the process. */
static _Noreturn void work(void)
{
	settle_in();
	if (beget__loop_run(self.channel, self.head.claims) < 0)
		give_up();
	beget__libc_exit(0);
}

/* Runs the call and ends the process. */
static _Noreturn void run(struct beget__exchange *x)
{
	settle_in();
	beget__trace("calls its target");
	int error = beget__exchange_call(x);
	if (error)
		give_up();
	/* The caller does not wait for a void result, and each message wakes it. The check protects a target that
	 * closed all descriptors and opened a file: our bytes must not be written to it. */
	if (beget__exchange_returns(x) && beget__fd_is(self.channel, &self.birth))
		error = beget__exchange_answer(x, self.channel);
	beget__trace("returns%s", error ? " but cannot send its result" : "");
	beget__libc_exit(0);
}

/* If standard streams are closed, received descriptors must not get their numbers. */
static unsigned plug_streams(void)
{
	unsigned plugged = 0;

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (!beget__fd_open_now(fd) && beget__fd_open_nothing() == fd)
			plugged |= 1u << fd;
	return plugged;
}

static void unplug_streams(unsigned plugged)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (plugged & 1u << fd)
			beget__fd_close_number(fd);
}

static void begin(enum beget_method method, int channel)
{
	/* In the child's own child, started with fork, the parent's channel is closed. */
	if (self.pid && beget__fd_is(self.channel, &self.birth))
		beget__fd_close(&self.channel);
	self.channel = channel;
	self.birth = beget__fd_identity(channel);
	self.pid = getpid();
	self.method = method;
	self.caller = -1;
	beget__trace_role = "child";
}

/* In another pid namespace, the numbers that the caller knows belong to other processes or to none. The kernel reports
 * the caller's number here. */
static void share_names(void)
{
	struct ucred maker;

	if (beget__sock_maker(self.channel, &maker) == 0 && maker.pid != self.head.caller) {
		self.head.caller = maker.pid;
		beget__fd_close(&self.head.control);
		beget__control_drop();
	}
}

/* A child of the helper reports its own birth before anything else. If the helper reported it and were killed first,
 * the child would run and no process could signal it. */
static void announce(int channel)
{
	int pidfd = beget__proc_pidfd_open(self.pid);

	if (beget__report_send_born(channel, self.pid, pidfd) && pidfd >= 0)
		beget__report_send_born(channel, self.pid, -1); /* too many descriptors in flight: send only the pid */
	beget__fd_close(&pidfd);
}

/* This process becomes the monitor, and a forked copy of it becomes the child. */
static int get_monitor(void)
{
	const struct beget__watch watch = {
		.channel = self.channel,
		.tie = self.head.tie,
		.limit_ms = self.head.limit_ms,
		.tree = self.head.flags & BEGET_TREE,
	};

	if (watch.limit_ms <= 0 && !watch.tree)
		return 0;
	int error = beget__monitor_fork(&watch);
	if (error)
		return error;
	self.pid = getpid();
	announce(self.channel);
	return 0;
}

/* Sets up the child before its call. The tie comes first, because the caller may die at any moment. */
static int become(struct beget__reader *reader, struct beget__fds *fds)
{
	int error = beget__order_get_head(reader, fds, &self.head);

	if (!error)
		share_names();
	if (!error && (self.head.flags & BEGET__SPAWNED))
		self.method = BEGET_SPAWN;
	if (!error && self.method != BEGET_FORK) {
		self.head.tie = beget__fd_move_aside(self.head.tie);
		self.head.control = beget__fd_move_aside(self.head.control);
	}
	if (!error)
		error = get_monitor();
	if (!error && self.head.tie >= 0)
		error = beget__tie_arm(self.head.tie);
	if (!error)
		error = beget__state_apply(reader, fds);
	if (!error && (self.head.flags & BEGET_NO_NEW_PRIVS) && (error = beget__self_no_new_privs()))
		beget__fail_errno(-error, "cannot set no_new_privs");
	if (!error && self.head.name)
		beget__title_set(self.head.name);
	return error;
}

void beget__child_prepare(void)
{
	beget__stream_purge();
}

/* If the caller closes the channel instead, it has died or no longer wants the child. */
static void receive(struct beget__exchange *x, enum beget__message kind)
{
	int got = beget__exchange_receive(x, self.channel, kind);

	if (got == 0)
		_exit(0);
	if (got < 0)
		give_up();
}

static int nothing(int value)
{
	return value;
}

/* Never called, because a handler that is registered later exits first. */
static void unreached(void)
{
}

/* A spare has time: it takes the path of its start in advance, so that the memory it needs is mapped. */
static void rehearse(struct beget__exchange *x)
{
	char stack[16384];
	struct beget__target target = {0};
	struct beget__writer w = {0};
	struct beget__fds none = {0};
	size_t size = 0;
	char *body = NULL;

	memset(stack, 0, sizeof(stack));
	__asm__ volatile("" : : "r"(stack) : "memory");
	struct beget_arg arg = {.type = BEGET_TYPE_INT, .value = &(int){1}};
	struct beget_call call = {.function = (void (*)(void))nothing, .result = BEGET_TYPE_INT, .n = 1, .args = &arg};
	if (!beget__target_find(call.function, false, &target) && !beget__order_put_call(&w, &target, &call, &none))
		body = beget__bytes_flatten(&w, &size);
	x->reader = (struct beget__reader){body, 0, size, !body};
	if (!beget__exchange_read(x) && !beget__exchange_settle(x))
		beget__exchange_call(x);
	beget__exchange_end(x);
	beget__bytes_free(&w);
	free(body);
	beget__stream_purge();
	(void)beget__libc_at_exit(unreached);
}

void beget__child_serve(enum beget_method method, bool spare, bool monitored, char *buffer)
{
	static struct beget__exchange x; /* beside memory that is written to anyway */
	char **inherited = environ;

	beget__exchange_init(&x, buffer);
	begin(method, beget__fd_move_aside(BEGET__CHANNEL_FD));
	beget__image_inherit();
	unsigned plugged = method == BEGET_SPAWN ? plug_streams() : 0; /* the helper has all three open */
	int words = method == BEGET_SPAWN ? beget__words_arrive() : -1;
	if (spare)
		rehearse(&x);
	if (monitored)
		beget__report_send_made(self.channel);
	else if (method == BEGET_FORKSERVER || spare)
		announce(self.channel);
	receive(&x, BEGET__CALL);
	unplug_streams(plugged);
	int error = become(&x.reader, &x.fds);
	beget__words_end(words, !error);
	if (error || (self.head.claims < 0 && beget__exchange_read(&x)))
		give_up();
	if (self.head.control >= 0)
		beget__control_adopt(self.head.control, self.head.helper);
	if (environ != inherited) /* allocated when the caller's environment was applied */
		beget__trace_init();
	if (self.head.claims >= 0)
		work();
	if (may_load(&x.order) && beget__libc_at_exit(left_early)) {
		beget__fail_errno(ENOMEM, "cannot register the exit handler");
		give_up();
	}
	if (beget__exchange_settle(&x))
		give_up();
	run(&x);
}

/* In a forked child: keeps only the standard streams, the descriptors passed, and our own. */
static int close_others(const struct beget_call *call)
{
	int *keep = beget__mem_alloc((call->n + 4) * sizeof(*keep));
	pid_t helper;
	size_t n = 0;

	if (!keep)
		return beget__fail_errno(ENOMEM, "cannot close descriptors");
	keep[n++] = self.channel;
	keep[n++] = self.head.tie;
	keep[n++] = beget__control_lend(&helper);
	keep[n++] = self.head.claims;
	for (unsigned i = 0; i < call->n; i++) {
		const struct beget_arg *arg = &call->args[i];
		if (arg->type == BEGET_TYPE_FD)
			keep[n++] = beget__value_of(arg).fd.fd;
		else if (arg->type == BEGET_TYPE_BUFFER && beget__value_of(arg).buffer)
			keep[n++] = beget__buffer_lend(beget__value_of(arg).buffer);
	}
	beget__fd_close_but(STDERR_FILENO + 1, keep, n);
	free(keep);
	return 0;
}

void beget__child_forked(struct beget__inheritance *i)
{
	char buffer[BEGET__PACKET_SIZE]; /* not touched by a frame without a body */
	struct beget__exchange x;

	beget__exchange_init(&x, buffer);
	begin(BEGET_FORK, beget__fd_move_aside(i->channel));
	receive(&x, BEGET__GO);
	if (become(&i->reader, &i->fds))
		give_up();
	for (int n = 0; n < i->lent_n; n++)
		if (i->lent[n] != self.head.tie)
			beget__fd_close(&i->lent[n]);
	if (self.head.flags & BEGET_ALONE)
		beget__control_drop();
	if (i->other_input)
		beget__stream_renew_input();
	if ((self.head.flags & BEGET_CLOSE_FDS) && close_others(i->call))
		give_up();
	if (self.head.claims >= 0)
		work();
	if (beget__exchange_inherit(&x, i->call))
		give_up();
	run(&x);
}
