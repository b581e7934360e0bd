/* The helper's loop: it receives a channel, forks a child onto it, and later reports over that channel how the child
 * ended. It never reads from the channel. It has one thread and keeps nothing of a request but the child: a bad request
 * or a full table is an error of that request only.
 * Runs in the helper. */
#include "helper/helper.h"

#include "child/child.h"
#include "helper/prepare.h"
#include "helper/trust.h"
#include "monitor/wards.h"
#include "message/report.h"
#include "message/request.h"
#include "os/mem.h"
#include "os/place.h"
#include "os/proc.h"
#include "os/signals.h"
#include "os/sock.h"
#include "os/thread.h"
#include "os/trace.h"
#include "program/image.h"
#include "program/launch.h"
#include "program/words.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The interval for checking what no descriptor reports. Without pidfds: whether the client still exists, because its
 * children may hold its socket open. Without the socket: whether the client still waits for a child. */
enum { BLIND_POLL_MS = 500 };

/* Creating a spare uses a processor that a start may need, so wait until nothing has arrived for this time. */
enum { QUIET_MS = 1 };

static struct {
	struct beget__identity control; /* identifies the socket to the client */
	int signals;                    /* reads SIGCHLD */
	int client;                     /* pidfd of the caller, or -1 */
	pid_t client_pid;
	uint64_t client_started;
	int spare;    /* reserves a number in the descriptor table for the next channel */
	int threads;  /* running before it serves: fork keeps only one */
	bool retired; /* the client has another helper; its children and theirs may still send requests */
	bool closed;  /* no process can send requests any more */
	uint64_t started;
	unsigned flags;
	int *kept; /* open descriptors that children inherit, opened by the prepare call */
	size_t kept_n;
	struct later {
		int channel;
		struct beget__request request;
	} * later; /* spares to be created */
	size_t later_n;
	const int *asked; /* the four descriptors of the question that is being answered */
	struct beget__frame frame;
} helper; /* No large members: children write to memory near them, and whole pages are copied. */

/* If the prepare call forks the helper, the copy must not hold its sockets: the client would not notice that the helper
 * ends. Also called in copies that a target makes of itself, where the number may be another file. */
static void let_go(void)
{
	if (beget__fd_is(BEGET__CHANNEL_FD, &helper.control))
		beget__fd_close_number(BEGET__CHANNEL_FD);
	if (helper.asked)
		beget__fd_close_number(helper.asked[0]);
}

static void refill(void)
{
	if (helper.spare < 0)
		helper.spare = beget__fd_dup(STDIN_FILENO); /* /dev/null */
	if (helper.spare < 0)
		helper.spare = -1;
}

static _Noreturn void become_child(int channel, const struct beget__request *request)
{
	if (beget__fd_put(channel, BEGET__CHANNEL_FD))
		_exit(127);
	beget__fd_close_but(BEGET__CHANNEL_FD + 1, helper.kept, helper.kept_n);
	if (beget__launch_trusted()) /* also makes the copy close-on-exec */
		beget__child_serve(BEGET_FORKSERVER, request->spare == BEGET__WARM, request->monitored,
		                   helper.frame.buffer);
	_exit(127);
}

static int bear(int channel, const struct beget__request *request)
{
	pid_t pid;
	int none = -1;

	if (request->spare == BEGET__FRESH) {
		int error = beget__launch_spare(channel, &pid, &none);
		beget__fd_close(&none);
		return error ? error : (int)pid;
	}
	pid = beget__proc_fork();
	if (pid == 0)
		become_child(channel, request);
	return pid < 0 ? beget__fail_errno(-pid, "cannot create a child") : (int)pid;
}

/* On success, the channel belongs to the child. */
static int adopt(int channel, const struct beget__request *request)
{
	if (helper.threads > 1 && !(helper.flags & BEGET_SERVER_THREADS))
		return beget__fail(EDEADLK,
		                   "cannot create a child: %d threads started before main, and fork would lose them",
		                   helper.threads);
	if (!beget__wards_make_room())
		return beget__fail_errno(ENOMEM, "cannot create a child");
	if (helper.spare < 0)
		return beget__fail_errno(EMFILE, "cannot create a child");
	pid_t pid = bear(channel, request);
	if (pid < 0)
		return pid;
	if (request->monitored) /* a monitor reports on its child, and ends with the caller if the child is tied */
		beget__fd_close(&channel);
	beget__wards_add(pid, channel, request->tied && !request->monitored);
	helper.started++;
	beget__trace("created child %d", (int)pid);
	return 0;
}

static void refuse(int *channel)
{
	beget__report_send_failed(*channel, beget__fail_last());
	beget__fd_close(channel);
}

/* Sends no reason: without a spare, a start is an ordinary start. */
static void make_none(int *channel)
{
	beget__trace("created no spare: %s", beget__fail_last()->text);
	beget__fd_close(channel);
}

/* Postpones a spare: a start that arrives meanwhile goes first. */
static void put_off(int channel, const struct beget__request *request)
{
	enum { MOST = 2 * BEGET__MOST_SPARES };

	if (!helper.later)
		helper.later = beget__mem_alloc(MOST * sizeof(*helper.later));
	if (helper.later && helper.later_n < MOST && helper.spare >= 0) { /* the table's last place is for a start */
		helper.later[helper.later_n++] = (struct later){channel, *request};
		return;
	}
	beget__fail(EAGAIN, "too many requests are waiting");
	make_none(&channel);
}

static void forget_spares(void)
{
	while (helper.later_n > 0)
		beget__fd_close(&helper.later[--helper.later_n].channel);
}

static void make_spare(void)
{
	struct later l = helper.later[0];

	memmove(helper.later, helper.later + 1, --helper.later_n * sizeof(*helper.later));
	if (adopt(l.channel, &l.request))
		make_none(&l.channel);
}

/* The client's socket closes before its pidfd reports the client's end. */
static _Noreturn void leave_with_wards(void)
{
	beget__wards_kill_tied();
	_exit(0);
}

/* Children hold the socket for their own starts. The kernel identifies the sender, so a broken child cannot change what
 * other children get. */
static bool by_client(const struct beget__frame *f)
{
	return f->sender == helper.client_pid;
}

static void refuse_unread(const struct beget__frame *f, int error, const char *why)
{
	beget__fail(error, "%s", why);
	if (f->nfds > 0 && f->fds[0] >= 0)
		beget__report_send_failed(f->fds[0], beget__fail_last());
}

static void start(struct beget__frame *f)
{
	struct beget__request request;

	if (!beget__request_get_start(f, &request)) {
		refuse_unread(f, EBADMSG, "cannot understand the request");
		return;
	}
	if (request.spare && !by_client(f)) {
		refuse_unread(f, EPERM, "only the process that launched the helper can request spares");
		return;
	}
	if (!by_client(f) && !beget__trust_equal(f->sender)) {
		refuse_unread(f, EPERM,
		              "cannot create a child: the requesting process does not have the helper's rights");
		return;
	}
	request.tied &= by_client(f);
	int channel = beget__frame_take(f, 0);
	if (channel < 0)
		/* The descriptor was lost on the way, because the table had no room. */
		return;
	if (!request.spare && helper.spare < 0) { /* a start is more important than spares */
		forget_spares();
		refill();
	}
	if (request.spare)
		put_off(channel, &request);
	else if (adopt(channel, &request))
		refuse(&channel);
}

static void tie(const struct beget__frame *f)
{
	pid_t pid;

	if (beget__request_get_tie(f, &pid))
		beget__wards_tie(pid);
}

static void send_health(int channel)
{
	struct beget__health health = {
		.children = (uint32_t)beget__wards_count(),
		.threads = (uint32_t)beget__thread_count(),
		.started = helper.started,
	};

	beget__request_send_health(channel, &health);
}

/* From here on it serves: the threads that run and the descriptors that are open now are those its children are born
 * with. */
static int get_ready(const struct beget__question *q)
{
	/* The question's descriptors are closed after it, and their numbers are reused for channels. Our own are
	 * excluded too. */
	int own[] = {BEGET__CHANNEL_FD, helper.signals, helper.client, helper.spare,
	             q->fds[0],         q->fds[1],      q->fds[2],     q->fds[3]};

	int error = beget__prepare_threads(q->flags);
	if (error)
		return error;
	helper.flags = q->flags;
	helper.threads = beget__thread_count();
	return beget__prepare_open(own, sizeof(own) / sizeof(*own), &helper.kept, &helper.kept_n);
}

/* Answers a question on the channel that came with it. */
static void answer(struct beget__frame *f)
{
	struct beget__question q;
	int error = 0;

	if (f->kind != BEGET__ASK && !by_client(f)) {
		refuse_unread(f, EPERM, "only the process that launched the helper can prepare it");
		return;
	}
	if (f->dropped) {
		refuse_unread(f, EMFILE, "cannot receive the request: there are too many open files");
		return;
	}
	if (!beget__request_get_setup(f, &q)) {
		refuse_unread(f, EBADMSG, "cannot understand the request");
		return;
	}
	helper.asked = q.fds;
	if (f->kind == BEGET__PRELOAD)
		error = beget__prepare_load(q.text, q.fds[0], q.fds + 1);
	else if (f->kind == BEGET__PREPARE)
		error = beget__prepare_call(q.fds[0], q.fds + 1);
	else if (f->kind == BEGET__READY)
		error = get_ready(&q);
	if (error)
		beget__report_send_failed(q.fds[0], beget__fail_last());
	else
		send_health(q.fds[0]);
	helper.asked = NULL;
	for (int i = 0; i < 4; i++)
		beget__fd_close(&q.fds[i]);
}

static void dispatch(struct beget__frame *f)
{
	switch (f->kind) {
	case BEGET__RETIRE: helper.retired |= by_client(f); break;
	case BEGET__LEAVE:
		if (by_client(f) && beget__place_enter_root())
			beget__trace("cannot leave its directory");
		break;
	case BEGET__TIE:
		if (by_client(f))
			tie(f);
		break;
	case BEGET__PRELOAD:
	case BEGET__PREPARE:
	case BEGET__READY:
	case BEGET__ASK: answer(f); break;
	default: start(f);
	}
}

/* Handles one message. It may carry a descriptor even if the table is full, so a number is reserved for it. */
static void serve(void)
{
	struct beget__frame *f = &helper.frame;

	beget__fd_close(&helper.spare);
	int got = beget__frame_receive(BEGET__CHANNEL_FD, f, MSG_DONTWAIT);
	if (got == 0 && helper.retired && helper.client < 0)
		_exit(0); /* the end of the client cannot be detected */
	helper.closed |= got == 0;
	refill();
	if (got == 1 || got == -EMFILE)
		dispatch(f);
	if (got != -EAGAIN)
		beget__frame_clear(f);
	refill();
}

static int client_pidfd(void)
{
	struct ucred client;

	if (beget__sock_maker(BEGET__CHANNEL_FD, &client))
		return -1;
	helper.client_pid = client.pid;
	helper.client_started = beget__proc_started(client.pid);
	int pidfd = beget__sock_maker_pidfd(BEGET__CHANNEL_FD); /* in another pid namespace, the client has no number */
	if (pidfd < 0)
		pidfd = beget__proc_pidfd_open(client.pid);
	return pidfd < 0 ? -1 : pidfd;
}

static void begin(char *buffer)
{
	beget__trace_role = "helper";
	beget__words_end(beget__words_arrive(), false);
	/* Blocked at birth, but the constructor of a preloaded library may have changed that. */
	beget__signals_block_all(NULL);
	beget__signals_set_default(SIGCHLD); /* if it were ignored, children would be reaped unseen */
	helper.signals = beget__signals_open(SIGCHLD);
	helper.control = beget__fd_identity(BEGET__CHANNEL_FD);
	helper.client = client_pidfd();
	helper.threads = beget__thread_count();
	beget__child_prepare();
	pthread_atfork(NULL, NULL, let_go);
	helper.spare = -1;
	beget__frame_init(&helper.frame, buffer, NULL);
	refill();
	if (helper.signals < 0)
		_exit(127);
	beget__trace("serves");
}

/* A closed socket does not prove that the client has ended: any process that holds the socket can shut it down. */
static void leave_if_done(void)
{
	struct pollfd request = {.fd = helper.closed ? -1 : BEGET__CHANNEL_FD, .events = POLLIN};

	if (helper.retired || helper.closed)
		forget_spares();
	if (helper.closed && !helper.retired && !beget__wards_awaited())
		leave_with_wards();
	if (helper.retired && beget__wards_count() == 0 && beget__fd_poll(&request, 1, 0) <= 0)
		_exit(0);
}

/* How long to wait for events; idle: some time has passed without any. */
static int patience(bool idle)
{
	if (helper.later_n > 0)
		return idle ? 0 : QUIET_MS;
	return helper.client < 0 || (helper.closed && !helper.retired) ? BLIND_POLL_MS : -1;
}

/* Handles events in this order: requests, ended children, the end of the client. */
static void handle(const struct pollfd news[3], bool idle)
{
	bool left = news[2].revents || (idle && beget__proc_gone(helper.client_pid, helper.client_started));

	if (left && !news[0].revents) /* requests that the client sent before it ended are still handled */
		leave_with_wards();
	if (news[0].revents)
		serve();
	if (news[1].revents) {
		beget__signals_discard(helper.signals); /* at most one is pending at a time */
		beget__wards_reap();
	}
}

void beget__helper_serve(char *buffer)
{
	begin(buffer);
	for (bool idle = false;;) {
		leave_if_done();
		struct pollfd news[] = {
			{.fd = helper.closed ? -1 : BEGET__CHANNEL_FD, .events = POLLIN},
			{.fd = helper.signals, .events = POLLIN},
			{.fd = helper.client, .events = POLLIN},
		};
		int ready = beget__fd_poll(news, 3, patience(idle));
		if (ready == -EINTR)
			continue;
		idle = ready <= 0; /* nothing can be polled: at least the end of the client is noticed */
		if (idle && helper.later_n > 0)
			make_spare();
		else
			handle(news, idle);
	}
}
