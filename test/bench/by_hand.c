/* A contender: the poll loop that a careful user would write for beget children. Each worker has a socket pair; a small
 * struct precedes the bytes; four tasks are sent ahead. It does not replace workers, and has neither limits nor error
 * handling. */
#include "tasks.h"
#include "ways.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { AHEAD = 4, PIECE = 64 << 10 };

/* The start of each message. The rest is the piece that begins at byte at of size. */
struct head {
	size_t size, at;
	int us;
};

static struct worker {
	struct beget_process *process;
	int fd;
	struct slot *sent[AHEAD]; /* a ring: answers arrive in the order of the tasks */
	unsigned first, last;
	size_t put, got; /* bytes sent of the last task, and received of the first one's result */
} workers[WORKERS_MAX];

static struct slot *waiting[OUTSTANDING_MAX], *finished[OUTSTANDING_MAX]; /* rings */
static unsigned waiting_first, waiting_last, finished_first, finished_last;

/* Both sides: sends pieces until all are sent or the socket would block, and returns how far it came. */
static size_t put(int fd, const char *data, size_t at, size_t size, int us, int flags)
{
	do {
		size_t n = size - at < PIECE ? size - at : PIECE;
		struct head head = {size, at, us};
		struct iovec parts[2] = {{&head, sizeof(head)}, {(char *)(uintptr_t)data + at, n}};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
		if (sendmsg(fd, &message, MSG_NOSIGNAL | flags) < 0) {
			if (errno != EAGAIN)
				bench_die("hand-written loop", strerror(errno));
			return at;
		}
		at += n;
	} while (at < size);
	return at;
}

/* Both sides: receives a piece and returns its length, 0 at the end of the stream, or -EAGAIN. */
static ssize_t get(int fd, struct head *head, char *data, size_t size, int flags)
{
	struct iovec parts[2] = {{head, sizeof(*head)}, {data, size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n = recvmsg(fd, &message, flags);

	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	return n < (ssize_t)sizeof(*head) ? 0 : n - (ssize_t)sizeof(*head);
}

/* The worker's loop, until the caller closes its end. */
static void serve(struct beget_fd fd)
{
	char *in = malloc(SIZE_MAX_ANY), *out = malloc(SIZE_MAX_ANY);
	struct head head;
	ssize_t n;
	size_t got = 0;

	while (in && out && (n = get(fd.fd, &head, in + got, SIZE_MAX_ANY - got, 0)) > 0) {
		got += (size_t)n;
		if (got < head.size)
			continue;
		bench_task(in, got, out, got, head.us);
		(void)put(fd.fd, out, 0, got, 0, 0);
		got = 0;
	}
	free(in);
	free(out);
}

static void hand_open(const struct load *load)
{
	memset(workers, 0, sizeof(workers));
	for (struct worker *w = workers; w < workers + load->workers; w++) {
		int ends[2];
		bench_pair(ends);
		w->process = bench_start(BEGET_FORKSERVER, 0, BEGET_CALL(serve, BEGET_FD(ends[1])));
		close(ends[1]);
		w->fd = ends[0];
	}
}

/* Sends the rest of the last task, then more tasks until the worker has the given number. */
static void feed(struct worker *w, unsigned ahead)
{
	for (;;) {
		if (w->first == w->last || w->put == bench_load.size) {
			if (w->last - w->first >= ahead || waiting_first == waiting_last)
				return;
			w->sent[w->last++ % AHEAD] = waiting[waiting_first++ % OUTSTANDING_MAX];
			w->put = 0;
		}
		w->put = put(w->fd, bench_in, w->put, bench_load.size, bench_load.us, MSG_DONTWAIT);
		if (w->put < bench_load.size)
			return;
	}
}

/* The worker with the fewest tasks gets the next. */
static void feed_all(void)
{
	for (unsigned ahead = 1; ahead <= AHEAD; ahead++)
		for (struct worker *w = workers; w < workers + bench_load.workers; w++)
			feed(w, ahead);
}

static void take(struct worker *w)
{
	struct head head;

	while (w->first != w->last) {
		struct slot *slot = w->sent[w->first % AHEAD];
		ssize_t n = get(w->fd, &head, slot->out + w->got, bench_load.size - w->got, MSG_DONTWAIT);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			bench_die("hand-written loop", "a worker has ended");
		w->got += (size_t)n;
		if (w->got < bench_load.size)
			continue;
		finished[finished_last++ % OUTSTANDING_MAX] = slot;
		w->first++;
		w->got = 0;
	}
}

static void hand_submit(struct slot *slot)
{
	waiting[waiting_last++ % OUTSTANDING_MAX] = slot;
	feed_all();
}

static struct slot *hand_next(int timeout_ms)
{
	while (finished_first == finished_last) {
		struct pollfd fds[WORKERS_MAX];
		for (int i = 0; i < bench_load.workers; i++) {
			struct worker *w = &workers[i];
			bool begun = w->first != w->last && w->put < bench_load.size;
			fds[i] = (struct pollfd){.fd = w->fd, .events = begun ? POLLIN | POLLOUT : POLLIN};
		}
		if (poll(fds, (nfds_t)bench_load.workers, timeout_ms) < 1)
			return NULL;
		for (int i = 0; i < bench_load.workers; i++)
			if (fds[i].revents)
				take(&workers[i]);
		feed_all();
	}
	return finished[finished_first++ % OUTSTANDING_MAX];
}

static void hand_close(void)
{
	for (struct worker *w = workers; w < workers + bench_load.workers; w++) {
		close(w->fd);
		bench_join(w->process);
		beget_free(w->process);
	}
}

const struct contender bench_by_hand = {
	.name = "hand-written loop",
	.workers = WORKERS_MAX,
	.size = SIZE_MAX_ANY,
	.open = hand_open,
	.submit = hand_submit,
	.next = hand_next,
	.close = hand_close,
};
