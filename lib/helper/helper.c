/* The helper's loop: it receives a channel, forks a child onto it and, later, tells the caller over that channel how it
 * ended. It never reads what else travels there. One thread, no allocation that grows with starts, nothing of a request
 * kept beyond its child: a bad request or a full table is an error of that request only. Runs in the helper. Knows no
 * caller's handle and no target. */
#include "helper/helper.h"

#include "child/child.h"
#include "helper/prepare.h"
#include "helper/trust.h"
#include "message/report.h"
#include "message/request.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/thread.h"
#include "os/trace.h"
#include "program/image.h"
#include "program/launch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What no descriptor tells, how often to look: without pidfds, whether the client is still there (its children may hold
 * its socket open); without a socket, whether it still wants to know anything. */
enum { BLIND_POLL_MS = 500 };

/* Making a spare takes a processor that a start may need: it waits until nothing has come for so long. */
enum { QUIET_MS = 1 };

/* A running child and the helper's copy of its channel, which carries the last word. */
struct ward {
	pid_t pid;
	int channel;
	bool tied; /* to the client itself */
};

static struct {
	int signals; /* a descriptor that tells of SIGCHLD */
	int client;  /* pidfd of the caller, or -1 */
	pid_t client_pid;
	uint64_t client_started;
	int spare;    /* keeps a place in the descriptor table for the next channel */
	int threads;  /* before it serves: fork would lose all but one */
	bool retired; /* the client has another helper; the children of our children may still ask */
	bool closed;  /* nobody can ask any more */
	struct ward *wards;
	size_t n, room;
	uint64_t started;
	unsigned flags;
	int *kept; /* open descriptors that children inherit: what the prepare call opened */
	size_t kept_n;
	struct later {
		int channel;
		struct beget__request request;
	} * later; /* spares to be made */
	size_t later_n;
	const int *asked; /* the four descriptors of the question that is being answered */
	struct beget__frame frame;
} helper; /* no large member: what children write to lies beside it, and pages are copied whole */

/* A copy that a prepare call makes of us must not hold our ends: the client would not see ours. */
static void let_go(void)
{
	close(BEGET__CHANNEL_FD);
	if (helper.asked)
		close(helper.asked[0]);
}

static void refill(void)
{
	if (helper.spare < 0)
		helper.spare = beget__fd_dup(STDIN_FILENO); /* /dev/null */
	if (helper.spare < 0)
		helper.spare = -1;
}

static bool make_room(void)
{
	if (helper.n < helper.room)
		return true;
	size_t room = helper.room ? 2 * helper.room : 64;
	struct ward *more = beget__mem_alloc(room * sizeof(*more));
	if (!more)
		return false;
	if (helper.n)
		memcpy(more, helper.wards, helper.n * sizeof(*more));
	free(helper.wards);
	helper.wards = more;
	helper.room = room;
	return true;
}

static _Noreturn void become_child(int channel, bool spare)
{
	if (dup2(channel, BEGET__CHANNEL_FD) < 0)
		_exit(127);
	beget__fd_close_but(BEGET__CHANNEL_FD + 1, helper.kept, helper.kept_n);
	if (beget__launch_trusted()) /* also makes the copy close-on-exec */
		beget__child_serve(BEGET_FORKSERVER, spare, helper.frame.buffer);
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
		become_child(channel, request->spare == BEGET__WARM);
	return pid < 0 ? beget__fail_errno(-pid, "cannot make a child") : (int)pid;
}

/* The channel becomes a ward's, or is closed after the reason was sent over it. */
static int adopt(int channel, const struct beget__request *request)
{
	if (helper.threads > 1 && !(helper.flags & BEGET_SERVER_THREADS))
		return beget__fail(EDEADLK,
		                   "cannot make a child: %d threads run here before main, and fork would lose them",
		                   helper.threads);
	if (!make_room())
		return beget__fail_errno(ENOMEM, "cannot make a child");
	if (helper.spare < 0)
		return beget__fail_errno(EMFILE, "cannot make a child");
	pid_t pid = bear(channel, request);
	if (pid < 0)
		return pid;
	helper.wards[helper.n++] = (struct ward){pid, channel, request->tied && request->caller == helper.client_pid};
	helper.started++;
	beget__trace("made %d", (int)pid);
	return 0;
}

static void refuse(int *channel)
{
	beget__report_send_failed(*channel, beget__fail_last());
	beget__fd_close(channel);
}

/* Nobody asks why: a start that does not find it goes the ordinary way. */
static void make_none(int *channel)
{
	beget__trace("made no spare: %s", beget__fail_last()->text);
	beget__fd_close(channel);
}

/* A start that comes meanwhile goes first. */
static void put_off(int channel, const struct beget__request *request)
{
	enum { MOST = 2 * BEGET__MOST_SPARES };

	if (!helper.later)
		helper.later = beget__mem_alloc(MOST * sizeof(*helper.later));
	if (helper.later && helper.later_n < MOST && helper.spare >= 0) { /* the table's last place is for a start */
		helper.later[helper.later_n++] = (struct later){channel, *request};
		return;
	}
	beget__fail(EAGAIN, "there is no place to put its request");
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

/* A target can have closed its own tie. The client's socket closes before its pidfd tells of its end. */
static _Noreturn void leave_with_wards(void)
{
	for (size_t i = 0; i < helper.n; i++)
		if (helper.wards[i].tied)
			kill(helper.wards[i].pid, SIGKILL);
	_exit(0);
}

/* Somebody holds the other end of a child's channel. The socket's end alone is not the client's: any of those that have
 * it can have shut it. */
static bool is_awaited(void)
{
	for (size_t i = 0; i < helper.n; i++) {
		struct pollfd reader = {.fd = helper.wards[i].channel};
		if (beget__fd_poll(&reader, 1, 0) <= 0 || !(reader.revents & POLLHUP))
			return true;
	}
	return false;
}

/* Our children have the socket for starts of their own. What a broken one of them says must not change what the others
 * get: the kernel tells whose word it is. */
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
		refuse_unread(f, EPERM, "spares are made for the client alone");
		return;
	}
	if (!by_client(f) && !beget__trust_equal(f->sender)) {
		refuse_unread(f, EPERM, "cannot make a child: the process that asks does not have the helper's rights");
		return;
	}
	int channel = beget__frame_take(f, 0);
	if (channel < 0)
		return;                           /* it got lost on the way, for want of room */
	if (!request.spare && helper.spare < 0) { /* a start is worth more than spares are */
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
		for (size_t i = 0; i < helper.n; i++)
			helper.wards[i].tied |= helper.wards[i].pid == pid;
}

static void tell_health(int channel)
{
	struct beget__health health = {
		.children = (uint32_t)helper.n,
		.threads = (uint32_t)beget__thread_count(),
		.started = helper.started,
	};

	beget__request_send_health(channel, &health);
}

/* From here on it serves: what runs and what is open in it now is what its children are born with. */
static int get_ready(const struct beget__question *q)
{
	/* What came with the question is closed after it: its numbers will be those of channels, and of our own socket.
	 */
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
		refuse_unread(f, EPERM, "the client alone makes the helper ready");
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
		tell_health(q.fds[0]);
	helper.asked = NULL;
	for (int i = 0; i < 4; i++)
		beget__fd_close(&q.fds[i]);
}

static void serve(void)
{
	struct beget__frame *f = &helper.frame;

	beget__fd_close(&helper.spare);
	int got = beget__frame_receive(BEGET__CHANNEL_FD, f, MSG_DONTWAIT);
	if (got == 0 && helper.retired && helper.client < 0)
		_exit(0); /* its end could not be seen */
	helper.closed |= got == 0;
	refill();
	if (got == 1 && f->kind == BEGET__RETIRE)
		helper.retired |= by_client(f);
	else if (got == 1 && f->kind == BEGET__TIE && by_client(f))
		tie(f);
	else if ((got == 1 || got == -EMFILE) && f->kind >= BEGET__PRELOAD && f->kind <= BEGET__ASK)
		answer(f);
	else if (got == 1 || got == -EMFILE)
		start(f);
	if (got != -EAGAIN)
		beget__frame_clear(f);
	refill();
}

static void tell(pid_t pid, const struct beget__exit *end)
{
	for (size_t i = 0; i < helper.n; i++) {
		if (helper.wards[i].pid != pid)
			continue;
		/* A caller that does not read must not stop the service of others. */
		beget__report_send_ended(helper.wards[i].channel, end);
		beget__fd_close(&helper.wards[i].channel);
		helper.wards[i] = helper.wards[--helper.n];
		break;
	}
}

/* Reports and only then reaps: if the report gets lost, the zombie still shows how the child ended. Where a zombie may
 * show something else, only the call that reaps returns the status. */
static void bury(void)
{
	struct signalfd_siginfo drop;
	struct rusage usage;
	siginfo_t info;
	int look = beget__proc_zombies_tell() ? WNOWAIT : 0;

	(void)!read(helper.signals, &drop, sizeof(drop)); /* there is never more than one pending */
	while (beget__proc_wait(P_ALL, 0, &info, WEXITED | WNOHANG | look, &usage) == 0 && info.si_pid > 0) {
		pid_t pid = info.si_pid;
		int status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
		                                        : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
		tell(pid, &(struct beget__exit){
				  .wait_status = status,
				  .user_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec,
				  .system_us = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec,
				  .peak_kib = usage.ru_maxrss,
			  });
		if (look)
			beget__proc_wait(P_PID, (id_t)pid, &info, WEXITED | WNOHANG, NULL);
	}
}

static int client_pidfd(void)
{
	struct ucred client;
	socklen_t size = sizeof(client);

	if (getsockopt(BEGET__CHANNEL_FD, SOL_SOCKET, SO_PEERCRED, &client, &size) < 0)
		return -1;
	helper.client_pid = client.pid;
	helper.client_started = beget__proc_started(client.pid);
	int pidfd = beget__proc_pidfd_open(client.pid);
	return pidfd < 0 ? -1 : pidfd;
}

/* How long to wait for news; idle: some time has passed without. */
static int patience(bool idle)
{
	if (helper.later_n > 0)
		return idle ? 0 : QUIET_MS;
	return helper.client < 0 || (helper.closed && !helper.retired) ? BLIND_POLL_MS : -1;
}

void beget__helper_serve(char *buffer)
{
	sigset_t all;

	beget__trace_role = "helper";
	sigfillset(&all); /* born so; a preloaded library's constructor may think otherwise */
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL); /* ignored, children would vanish unseen */
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	helper.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
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
	for (bool idle = false;;) {
		struct pollfd fds[] = {
			{.fd = BEGET__CHANNEL_FD, .events = POLLIN},
			{.fd = helper.signals, .events = POLLIN},
			{.fd = helper.client, .events = POLLIN},
		};
		if (helper.closed)
			fds[0].fd = -1;
		if (helper.retired || helper.closed)
			forget_spares();
		if (helper.closed && !helper.retired && !is_awaited())
			leave_with_wards();
		if (helper.retired && helper.n == 0 && beget__fd_poll(fds, 1, 0) <= 0)
			_exit(0);
		int ready = beget__fd_poll(fds, 3, patience(idle));
		if (ready < 0)
			continue;
		idle = ready == 0;
		if (idle && helper.later_n > 0) {
			make_spare();
			continue;
		}
		bool left =
			fds[2].revents || (ready == 0 && beget__proc_gone(helper.client_pid, helper.client_started));
		if (left && !fds[0].revents) /* what it asked for before it ended is still done */
			leave_with_wards();
		if (fds[0].revents)
			serve();
		if (fds[1].revents)
			bury();
	}
}
