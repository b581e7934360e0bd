/* Prepares a helper, and asks it for its status. Each question carries its own channel for the reply, so that many
 * threads can ask at once. Runs in the caller. Knows no server and no process. */
#include "caller/setup.h"

#include "call/bare.h"
#include "message/order.h"
#include "message/report.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/mem.h"
#include "os/sock.h"
#include "wire/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keep_fds(const struct beget__fds *from, struct beget__setup *ret)
{
	ret->fds = beget__mem_alloc((size_t)(from->n + 1) * sizeof(*ret->fds));
	if (!ret->fds)
		return -ENOMEM;
	for (; ret->nfds < from->n; ret->nfds++) {
		int fd = beget__fd_dup(from->fds[ret->nfds]);
		if (fd < 0)
			return fd;
		ret->fds[ret->nfds] = fd;
	}
	return 0;
}

static int keep_call(const struct beget_call *call, struct beget__setup *ret)
{
	bool foreign = ret->program.path != NULL;
	int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__FRAME_FDS - 1};
	struct beget__target target = {0};
	struct beget__writer w = {0};
	struct beget__bare bare = {0};

	int error = beget__bare_make(&bare, call);
	if (!error)
		error = beget__target_find(call->function, foreign, &target);
	if (!error)
		error = beget__order_put_call(&w, &target, &bare.call, &fds);
	if (!error && !(ret->call = beget__bytes_flatten(&w, &ret->call_size)))
		error = -ENOMEM;
	if (!error)
		error = keep_fds(&fds, ret);
	beget__bytes_free(&w);
	beget__bare_free(&bare);
	return error;
}

int beget__setup_keep(const struct beget_server_options *o, struct beget__setup *ret)
{
	ret->wanted = true;
	ret->flags = o->flags & ~BEGET_SERVER_NO_WAIT; /* that is not the helper's matter */
	ret->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : -1;
	ret->preload = beget__mem_copy_strings(o->preload);
	int error = ret->preload ? 0 : -ENOMEM;
	if (!error && o->prepare)
		error = keep_call(o->prepare, ret);
	return error ? beget__fail_errno(-error, "cannot copy the preparation of the server") : 0;
}

void beget__setup_close(struct beget__setup *s)
{
	for (int i = 0; i < s->nfds; i++)
		beget__fd_close(&s->fds[i]);
	s->nfds = 0;
	beget__executable_close(&s->program);
}

void beget__setup_free(struct beget__setup *s)
{
	free(s->preload);
	free(s->call);
	beget__setup_close(s);
	free(s->fds);
	beget__executable_free(&s->program);
	beget__launcher_free(&s->launcher);
	memset(s, 0, sizeof(*s));
}

/* A question, its name in an error sentence, and where parts of the reply go, or NULL. */
struct question {
	enum beget__message kind;
	const char *text, *what;
	const struct beget__setup *setup;
	struct beget__health *health;
	pid_t *pid; /* of the helper, as this process sees it */
};

/* wait: until the deadline; else -EAGAIN where no reply is there yet. */
static int await(int channel, int64_t deadline, bool wait, struct beget__frame *answer, const struct question *q)
{
	for (;;) {
		struct pollfd news = {.fd = channel, .events = POLLIN};
		int left = beget__clock_left_ms(deadline);
		int ready = beget__fd_poll(&news, 1, wait ? left : 0);
		if (ready == 0 && !wait && left != 0)
			return -EAGAIN;
		if (ready == 0)
			return beget__fail(ETIMEDOUT, "the server did not answer in time: %s", q->what);
		int got = ready < 0 ? -EAGAIN : beget__frame_receive(channel, answer, MSG_DONTWAIT);
		if (got == -ECONNRESET) /* the helper did not read everything, but its reply may follow */
			got = beget__frame_receive(channel, answer, MSG_DONTWAIT);
		if (got == 1)
			return 0;
		if (got == 0 || got == -ECONNRESET)
			return beget__fail(ECONNRESET, "the server ended: %s", q->what);
		if (got != -EAGAIN)
			return beget__fail_errno(-got, "cannot read the server's answer: %s", q->what);
	}
}

static int send_question(int control, int far, int near, const struct question *q)
{
	int fds[4] = {far, -1, -1, -1};

	bool prints = q->kind == BEGET__PRELOAD || q->kind == BEGET__PREPARE;
	for (int i = 0; i <= STDERR_FILENO && prints; i++)
		fds[i + 1] = beget__fd_open_now(i) ? i : -1;
	int error = beget__request_send_setup(control, q->kind, q->text, q->setup ? q->setup->flags : 0, fds);
	if (!error && q->kind == BEGET__PREPARE)
		error = beget__send_frame(near, BEGET__CALL, &(struct iovec){q->setup->call, q->setup->call_size}, 1,
		                          q->setup->fds, q->setup->nfds);
	return error == -EPIPE || error == -ECONNRESET ? beget__fail(ECONNRESET, "the server has ended: %s", q->what)
	       : error                                 ? beget__fail_errno(-error, "cannot ask the server: %s", q->what)
	                                               : 0;
}

static int take_answer(const struct beget__frame *answer, const struct question *q)
{
	struct beget__failure failure;
	struct beget__health health;

	if (answer->kind == BEGET__FAILED && beget__report_get_failed(answer, &failure))
		return beget__fail_again(&failure);
	if (!beget__request_get_health(answer, &health))
		return beget__fail_errno(EBADMSG, "cannot understand the server's answer");
	if (q->health)
		*q->health = health;
	if (q->pid)
		*q->pid = answer->sender;
	return 0;
}

/* Asks the helper, which replies on the channel. */
static int ask(int control, const struct question *q, int *channel)
{
	int pair[2];

	int error = beget__sock_pair(pair);
	if (error)
		return beget__fail_errno(-error, "cannot create a channel to the server");
	error = q->pid ? beget__sock_report_senders(pair[0]) : 0;
	if (error)
		beget__fail_errno(-error, "cannot find out the pid of the server");
	else
		error = send_question(control, pair[1], pair[0], q);
	beget__fd_close(&pair[1]);
	if (error)
		beget__fd_close(&pair[0]);
	else
		*channel = pair[0];
	return error;
}

/* The channel is closed unless the reply is still due. */
static int take_reply(int *channel, int64_t deadline, bool wait, const struct question *q)
{
	char buffer[BEGET__PACKET_SIZE];
	struct beget__frame answer;

	beget__frame_init(&answer, buffer, NULL);
	int error = await(*channel, deadline, wait, &answer, q);
	if (error == -EAGAIN)
		return error;
	if (!error)
		error = take_answer(&answer, q);
	beget__frame_clear(&answer);
	beget__fd_close(channel);
	return error;
}

/* The questions of a preparation in their order, whose names need some room. False: there are no more. */
static bool find_question(const struct beget__setup *s, unsigned step, char what[120], struct question *q)
{
	unsigned launcher = s->launcher.path != NULL, preloads = 0, call = s->call != NULL;

	while (s->preload && s->preload[preloads])
		preloads++;
	*q = (struct question){.setup = s, .what = what};
	if (step < launcher) {
		*q = (struct question){.kind = BEGET__ASK, .what = "the launch"};
	} else if (step < launcher + preloads) {
		q->kind = BEGET__PRELOAD;
		q->text = s->preload[step - launcher];
		snprintf(what, 120, "the preload of %.90s", q->text);
	} else if (step < launcher + preloads + call) {
		q->kind = BEGET__PREPARE;
		q->what = "the prepare call";
	} else {
		q->kind = BEGET__READY;
		q->what = "the end of its preparation";
	}
	return step <= launcher + preloads + call;
}

void beget__setup_begin(const struct beget__setup *s, struct beget__progress *p)
{
	*p = (struct beget__progress){.channel = -1, .deadline = beget__clock_deadline(s->timeout_ms)};
}

int beget__setup_advance(const struct beget__setup *s, int control, struct beget__progress *p, bool wait, pid_t *pid)
{
	char what[120];
	struct question q;
	int error = 0;

	while (!error && s->wanted && find_question(s, p->step, what, &q)) {
		q.pid = q.kind == BEGET__ASK ? pid : NULL;
		if (p->channel < 0)
			error = ask(control, &q, &p->channel);
		if (!error)
			error = take_reply(&p->channel, p->deadline, wait, &q);
		p->step += !error;
	}
	return error;
}

int beget__setup_health(int control, int timeout_ms, struct beget__health *ret)
{
	const struct question q = {.kind = BEGET__ASK, .what = "its status", .health = ret};
	int channel = -1;

	int error = ask(control, &q, &channel);
	return error ? error : take_reply(&channel, beget__clock_deadline(timeout_ms), true, &q);
}
