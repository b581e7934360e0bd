/* A child holds the helper's socket, for its own starts, and its own channel. A broken child may send anything on both:
 * other starts work, the helper does not change, and no end is reported before it happens. */
#include "fault.h"
#include "harness.h"
#include "host.h"
#include "os/fd.h"
#include "message/control.h"
#include "message/message.h"
#include "message/order.h"
#include "message/report.h"
#include "message/request.h"
#include "os/sock.h"
#include "program/image.h"
#include "wire/send.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int changed; /* set in the helper if a process makes it call change() */

static int change(void)
{
	return ++changed;
}

static int what_changed(void)
{
	return changed;
}

static int control(void)
{
	pid_t pid;

	return beget__control_lend(&pid);
}

static int answer_of(int channel)
{
	char buffer[BEGET__PACKET_SIZE];
	struct beget__frame frame;
	struct beget__failure failure;
	int code = 0;

	beget__frame_init(&frame, buffer, NULL);
	int got = beget__frame_receive(channel, &frame, 0);
	if (got == -ECONNRESET) /* the call was not read */
		got = beget__frame_receive(channel, &frame, 0);
	if (got != 1)
		return -1;
	if (frame.kind == BEGET__FAILED && beget__report_get_failed(&frame, &failure))
		code = failure.code;
	beget__frame_clear(&frame);
	return code;
}

/* Returns the helper's reply: 0, or the code of the refusal. */
static int say(enum beget__message kind, const char *text, unsigned flags)
{
	struct beget__writer w = {0};
	struct beget__fds none = {0};
	struct beget__target target = {0};
	struct beget_call call = {.function = (void (*)(void))change, .result = BEGET_TYPE_INT};
	size_t size;
	int pair[2];

	if (beget__sock_pair(pair) || beget__target_find(call.function, false, &target) ||
	    beget__order_put_call(&w, &target, &call, &none))
		return -2;
	char *body = beget__bytes_flatten(&w, &size);
	if (kind == BEGET__PREPARE && beget__send_frame(pair[0], BEGET__CALL, &(struct iovec){body, size}, 1, NULL, 0))
		return -3;
	if (beget__request_send_setup(control(), kind, text, flags, (int[]){pair[1], -1, -1, -1}))
		return -4;
	beget__fd_close(&pair[1]);
	return answer_of(pair[0]);
}

static int ask_for_spare(uint32_t which)
{
	int pair[2];

	if (beget__sock_pair(pair) ||
	    beget__request_send_start(control(), pair[1],
	                              &(struct beget__request){.caller = getppid(), .spare = which}))
		return -2;
	beget__fd_close(&pair[1]);
	return answer_of(pair[0]);
}

static int says_what_only_the_client_may(pid_t other)
{
	if (say(BEGET__PRELOAD, "libm.so.6", 0) != -EPERM)
		return 1;
	if (say(BEGET__PREPARE, NULL, 0) != -EPERM)
		return 2;
	if (say(BEGET__READY, NULL, BEGET_SERVER_THREADS) != -EPERM)
		return 3;
	if (ask_for_spare(BEGET__WARM) != -EPERM || ask_for_spare(BEGET__FRESH) != -EPERM)
		return 4;
	if (beget__request_send_plain(control(), BEGET__RETIRE) || beget__request_send_tie(control(), other))
		return 5;
	return say(BEGET__ASK, NULL, 0) ? 6 : 100; /* a child may send this */
}

static void sleeper(void)
{
	pause();
}

/* No request from a child changes the helper or makes it exit. */
static void words_that_are_the_clients(enum beget_method method)
{
	struct beget_server_status status;

	not_under_valgrind("its vfork copies memory, so the pid of the helper stays unknown");
	pid_t helper = helper_pid();
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
	assert_true(beget_pid(p) > 0);
	assert_int_equal(int_result(method, BEGET_CALL(says_what_only_the_client_may, beget_pid(p))), 100);
	assert_int_equal(int_result(BEGET_FORKSERVER, BEGET_CALL(what_changed)), 0);
	assert_int_equal(helper_pid(), helper);
	assert_int_equal(beget_join(p, 0, NULL), -ETIMEDOUT);
	assert_int_equal(beget_server_status(NULL, &status), 0);
	assert_int_equal(status.pid, helper);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
}

/* The client's helper, with a running child that a hostile sibling tries to tie to the client. */
static int reports[2];

static void leave_one_running(void)
{
	struct beget_process *p;

	CHECK(beget_start(&p, NULL, BEGET_CALL(sleeper)) == 0);
	pid_t pid = beget_pid(p);
	CHECK(host_int(BEGET_FORKSERVER, BEGET_CALL(says_what_only_the_client_may, pid)) == 100);
	CHECK(write(reports[1], &pid, sizeof(pid)) == sizeof(pid));
}

static void a_tie_that_nobody_asked_for(void)
{
	pid_t pid = 0;

	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	run_host(leave_one_running);
	assert_int_equal(read(reports[0], &pid, sizeof(pid)), sizeof(pid));
	assert_false(process_gone(pid, 200));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(process_gone(pid, 5000));
	close(reports[0]);
	close(reports[1]);
}

/* Packets of every kind, complete, truncated and oversized, with and without descriptors, until the helper refuses. */
static void noise_on(int socket, unsigned seed, int packets)
{
	static char bytes[9000];
	char control_room[CMSG_SPACE(sizeof(int))] = {0};

	srand(seed);
	for (int i = 0; i < packets; i++) {
		size_t size = 1 + (size_t)(rand() % (i % 10 ? 64 : (int)sizeof(bytes)));
		struct iovec iov = {bytes, size};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		for (size_t j = 0; j < size; j++)
			bytes[j] = (char)rand();
		if (i % 3) {
			memcpy(bytes, &(uint32_t){0x31676562}, 4);
			memcpy(bytes + 4, &(uint16_t){(uint16_t)(rand() % 18)}, 2);
			memcpy(bytes + 6, &(uint16_t){(uint16_t)(rand() % 2)}, 2);
			memcpy(bytes + 8, &(uint32_t){(uint32_t)(rand() % 3)}, 4);
			memcpy(bytes + 16, &(uint64_t){(uint64_t)(size > 24 && rand() % 2 ? size - 24 : 100)}, 8);
		}
		if (i % 4 == 0) {
			m.msg_control = control_room;
			m.msg_controllen = sizeof(control_room);
			struct cmsghdr *c = CMSG_FIRSTHDR(&m);
			*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
			memcpy(CMSG_DATA(c), &socket, sizeof(int));
		}
		(void)sendmsg(socket, &m, MSG_NOSIGNAL | (seed % 2 ? MSG_DONTWAIT : 0));
	}
}

static int noisy(unsigned seed)
{
	noise_on(control(), seed, 20000);
	return 7;
}

static int add(int a, int b)
{
	return a + b;
}

static void noise_on_the_helpers_socket(enum beget_method method)
{
	pid_t helper = helper_pid();
	struct beget_process *p[2];

	for (unsigned i = 0; i < 2; i++)
		p[i] = start(method, BEGET_CALL(noisy, 2 * i));
	for (int i = 0; i < often(60); i++)
		assert_int_equal(int_result((enum beget_method)(i % 3), BEGET_CALL(add, i, 2)), i + 2);
	for (int i = 0; i < 2; i++)
		expect_exit(p[i], 0);
	assert_int_equal(helper_pid(), helper);
}

static int noise_to_the_caller(unsigned seed)
{
	noise_on(BEGET__FD_ASIDE, seed, 3000);
	return 7;
}

/* The caller may miss the result but gets the right outcome, and nothing leaks. */
static void noise_on_its_channel(enum beget_method method)
{
	not_under_valgrind("without pidfds, what a child says of its end is believed");
	for (unsigned seed = 2; seed < 10; seed++) {
		struct beget_process *p = start(method, BEGET_CALL(noise_to_the_caller, seed));
		struct beget_status status;
		int value = 7;
		char text[400];
		assert_int_equal(beget_join(p, 20000, &status), 0);
		beget_describe(p, text, sizeof(text));
		if (!(status.outcome == BEGET_EXITED && status.code == 0) && status.outcome != BEGET_FAILED)
			fail_msg("seed %u: %s", seed, text);
		(void)beget_result(p, &value);
		beget_free(p);
	}
	assert_int_equal(int_result(method, BEGET_CALL(add, 1, 2)), 3);
}

/* Reports its own end, with a false status, and continues. */
static int foretells_its_end(struct beget_fd go)
{
	char c;

	for (int i = 0; i < 3; i++)
		if (beget__report_send_ended(BEGET__FD_ASIDE, &(struct beget__exit){.wait_status = 5 << 8}))
			return 1;
	if (read(go.fd, &c, 1) != 1)
		return 2;
	beget__report_send_ended(BEGET__FD_ASIDE, &(struct beget__exit){.wait_status = 6 << 8});
	_exit(7);
}

static void an_end_that_was_foretold(enum beget_method method)
{
	int go[2];

	not_under_valgrind("without pidfds, what a child says of its end is believed");
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	struct beget_process *p = start(method, BEGET_CALL(foretells_its_end, BEGET_FD(go[0])));
	assert_int_equal(beget_join(p, 300, NULL), -ETIMEDOUT);
	assert_int_equal(beget_kill(p, 0), 0);
	assert_int_equal(write(go[1], "g", 1), 1);
	expect_exit(p, 7); /* the status from the kernel: its record, or the helper's report, which came last */
	close(go[0]);
	close(go[1]);
}

/* A helper does not report on our own children. If the host reaped one and the kernel keeps no record, the status is
 * lost. */
static int lies(void)
{
	beget__report_send_ended(BEGET__FD_ASIDE, &(struct beget__exit){.wait_status = 5 << 8});
	_exit(7);
}

static enum beget_method own_method;

static void reap_a_liar(void)
{
	struct beget_process *p;
	struct beget_status status;

	fault_every(" pidfd_info ", EINVAL);
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = own_method), BEGET_CALL(lies)) == 0);
	CHECK(waitpid(beget_pid(p), NULL, 0) == beget_pid(p));
	CHECK(beget_join(p, 10000, &status) == 0);
	CHECK(status.outcome == BEGET_LOST);
	beget_free(p);
}

static void a_lie_of_our_own(enum beget_method method)
{
	own_method = method;
	run_host(reap_a_liar);
}

/* A copy of it keeps the channel open, whose end would confirm the helper's report. */
static int leaves_a_copy(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		sleeper();
	return pid;
}

static void a_copy_that_holds_the_channel(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(leaves_a_copy));
	struct beget_status status;
	pid_t copy = 0;

	assert_int_equal(beget_join(p, 10000, &status), 0);
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_true(status.peak_kib > 0);
	assert_int_equal(beget_result(p, &copy), 0);
	beget_free(p);
	assert_int_equal(kill(copy, SIGKILL), 0);
	assert_true(process_gone(copy, 5000));
}

/* O_NONBLOCK applies to all holders of a socket. The child sets it and fills the socket while the helper is stopped. */
static int fills_the_socket(void)
{
	int n = 0;

	fcntl(control(), F_SETFL, O_NONBLOCK);
	while (send(control(), "", 1, MSG_NOSIGNAL) == 1)
		n++;
	return n;
}

static void *start_and_join(void *error)
{
	struct beget_process *p;
	int value = 0;

	*(int *)error = beget_start(&p, NULL, BEGET_CALL(add, 3, 4));
	if (*(int *)error)
		return NULL;
	*(int *)error = beget_join(p, 20000, NULL);
	if (!*(int *)error)
		*(int *)error = beget_result(p, &value) || value != 7;
	beget_free(p);
	return NULL;
}

/* Only a call that needs the helper waits for it, and no longer than its timeout. */
static void a_full_socket(enum beget_method method)
{
	pid_t helper = helper_pid();
	struct beget_process *p = NULL;
	struct beget_server_status status;
	pthread_t threads[3];
	int errors[3] = {-1, -1, -1};

	kill(helper, SIGSTOP);
	assert_true(int_result(method, BEGET_CALL(fills_the_socket)) > 20);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, start_and_join, &errors[i]);
	int64_t begun = now_ms();
	int late = beget_start(&p, BEGET_OPTIONS(.timeout_ms = 100), BEGET_CALL(add, 1, 1));
	int took = (int)(now_ms() - begun);
	int by_fork = beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN), BEGET_CALL(add, 1, 1));
	int joined = by_fork ? by_fork : beget_join(p, 10000, NULL);
	beget_free(p);
	int asked = beget_server_status(NULL, &status);
	int early = errors[0] != -1 || errors[1] != -1 || errors[2] != -1;
	kill(helper, SIGCONT);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(late, -ETIMEDOUT);
	assert_true(took >= 100 && took < 2000);
	assert_int_equal(joined, 0);
	assert_int_equal(asked, -ETIMEDOUT);
	assert_false(early);
	for (int i = 0; i < 3; i++)
		assert_int_equal(errors[i], 0);
	assert_int_equal(helper_pid(), helper);
}

static int shuts_the_socket(void)
{
	return shutdown(control(), SHUT_RDWR);
}

static int works_until(struct beget_fd word)
{
	char c;

	return read(word.fd, &c, 1) == 1 ? 42 : 0;
}

/* The helper cannot get any more requests, and the next start launches another. It still reports how its children
 * end. */
static void a_socket_that_is_shut(enum beget_method method)
{
	pid_t helper = helper_pid();
	struct beget_process *p, *q;
	struct beget_status status;
	int go[2];

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	p = start(BEGET_FORKSERVER, BEGET_CALL(works_until, (struct beget_fd){go[0]}));
	assert_true(beget_pid(p) > 0);
	q = start(method, BEGET_CALL(shuts_the_socket));
	assert_int_equal(beget_join(q, 5000, NULL), 0);
	beget_free(q);
	assert_int_not_equal(helper_pid(), helper);
	assert_int_equal(beget_join(p, 0, NULL), -ETIMEDOUT);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(beget_join(p, 5000, &status), 0);
	assert_int_equal(status.outcome, BEGET_EXITED);
	assert_true(status.peak_kib > 0); /* the kernel's record does not have it */
	beget_free(p);
	close(go[0]);
	close(go[1]);
	assert_true(process_gone(helper, 5000));
}

/* Sockets have no names that other processes could connect to, including the helper's socket, which reports senders. */
static void no_name(enum beget_method method)
{
	(void)method;
	for (int fd = 3; fd < 1000; fd++) {
		char address[128];
		socklen_t size = sizeof(address);
		if (getsockname(fd, (struct sockaddr *)address, &size) == 0)
			assert_int_equal(size, sizeof(sa_family_t));
		size = sizeof(address);
		if (getpeername(fd, (struct sockaddr *)address, &size) == 0)
			assert_int_equal(size, sizeof(sa_family_t));
	}
}

static void a_tie_that_nobody_asked_for_by(enum beget_method method)
{
	(void)method;
	a_tie_that_nobody_asked_for();
}

int main(int argc, char **argv)
{
	enum { HELPED = BY(BEGET_SPAWN) | BY(BEGET_FORKSERVER) };
	static const struct behaviour table[] = {
		BEHAVIOUR(words_that_are_the_clients),
		BEHAVIOUR_OF(a_tie_that_nobody_asked_for_by, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(noise_on_the_helpers_socket),
		BEHAVIOUR_OF(noise_on_its_channel, HELPED),
		BEHAVIOUR_OF(an_end_that_was_foretold, HELPED),
		BEHAVIOUR_OF(a_lie_of_our_own, BY(BEGET_SPAWN) | BY(BEGET_FORK)),
		BEHAVIOUR(a_copy_that_holds_the_channel),
		BEHAVIOUR_OF(a_full_socket, BY(BEGET_SPAWN) | BY(BEGET_FORK)),
		BEHAVIOUR(a_socket_that_is_shut),
		BEHAVIOUR_OF(no_name, BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
