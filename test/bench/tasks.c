/* Common code of the contenders, and the two simplest: raw messages between two processes, and one start per task. */
#include "tasks.h"
#include "ways.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct load bench_load;
char bench_in[SIZE_MAX_ANY];

void bench_task(const char *in, size_t n, char *out, size_t m, int us)
{
	int64_t end = us > 0 ? bench_now() + (int64_t)us * 1000 : 0;

	if (n > 0 && m > 0)
		out[0] = in[0];
	while (us > 0 && bench_now() < end)
		;
}

void bench_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		bench_die("cannot make a socket pair", strerror(errno));
}

/* Raw messages. A request is longer than its payload by what a typed call adds: target, types, sizes. */

enum { CALL = 128 };

static struct {
	int fd;
	pid_t pid;
	struct slot *sent[OUTSTANDING_MAX]; /* a ring: answers arrive in the order of the tasks */
	unsigned first, answered, last;
} raw;

static void raw_serve(int fd)
{
	static char in[CALL + SIZE_MAX_RAW], out[SIZE_MAX_RAW];

	while (recv(fd, in, sizeof(in), 0) > 0) {
		bench_task(in + CALL, bench_load.size, out, bench_load.size, bench_load.us);
		if (send(fd, out, bench_load.size, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

static void raw_open(const struct load *load)
{
	int ends[2];

	(void)load;
	bench_pair(ends);
	raw.pid = fork();
	if (raw.pid < 0)
		bench_die("fork", strerror(errno));
	if (raw.pid == 0) {
		close(ends[0]);
		raw_serve(ends[1]);
	}
	close(ends[1]);
	raw.fd = ends[0];
	raw.first = raw.answered = raw.last = 0;
}

static bool raw_answer(int flags)
{
	struct slot *slot = raw.sent[raw.answered % OUTSTANDING_MAX];
	ssize_t n = recv(raw.fd, slot->out, bench_load.size, flags);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n != (ssize_t)bench_load.size)
		bench_die("raw messages", "the other end is gone");
	raw.answered++;
	return true;
}

/* When the socket is full, there are answers to read. */
static void raw_submit(struct slot *slot)
{
	static char out[CALL + SIZE_MAX_RAW];

	memcpy(out + CALL, bench_in, bench_load.size);
	while (send(raw.fd, out, CALL + bench_load.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN || raw.answered == raw.last)
			bench_die("raw messages", strerror(errno));
		(void)raw_answer(0);
	}
	raw.sent[raw.last++ % OUTSTANDING_MAX] = slot;
}

static struct slot *raw_next(int timeout_ms)
{
	if (raw.first == raw.answered && !raw_answer(timeout_ms ? 0 : MSG_DONTWAIT))
		return NULL;
	return raw.sent[raw.first++ % OUTSTANDING_MAX];
}

static void raw_close(void)
{
	close(raw.fd);
	waitpid(raw.pid, NULL, 0);
}

const struct contender bench_raw = {
	.name = "raw messages",
	.workers = 1,
	.size = SIZE_MAX_RAW,
	.open = raw_open,
	.submit = raw_submit,
	.next = raw_next,
	.close = raw_close,
};

/* One start per task. */

static struct slot *started[WORKERS_MAX];

static void each_open(const struct load *load)
{
	(void)load;
	memset(started, 0, sizeof(started));
}

static void each_submit(struct slot *slot)
{
	size_t n = bench_load.size;
	int i = 0;

	while (started[i])
		i++;
	slot->process = bench_start(BEGET_FORKSERVER, 0,
	                            BEGET_CALL(bench_task, BEGET_IN((const char *)bench_in, n), n,
	                                       BEGET_OUT(slot->out, n), n, bench_load.us));
	started[i] = slot;
}

static struct slot *each_next(int timeout_ms)
{
	struct beget_process *processes[WORKERS_MAX];

	for (int i = 0; i < WORKERS_MAX; i++)
		processes[i] = started[i] ? started[i]->process : NULL;
	int ended = beget_wait(processes, WORKERS_MAX, timeout_ms);
	if (ended == -ETIMEDOUT)
		return NULL;
	if (ended < 0)
		bench_die("beget_wait", beget_error());
	struct slot *slot = started[ended];
	bench_join(slot->process);
	beget_free(slot->process);
	started[ended] = NULL;
	return slot;
}

static void each_close(void)
{
}

const struct contender bench_each = {
	.name = "beget one start per task",
	.workers = WORKERS_MAX,
	.size = SIZE_MAX_ANY,
	.one_at_once = true,
	.open = each_open,
	.submit = each_submit,
	.next = each_next,
	.close = each_close,
};
