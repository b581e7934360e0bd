/* Requests at the helper's socket: garbage, incomplete frames, floods and silence are errors of that request only, and
 * so are a full table and the process limit in the helper. The same helper serves the next start. */
#include "host.h"
#include "message/report.h"
#include "message/request.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/sock.h"
#include "wire/send.h"
#include "wire_format.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

static pid_t helper;
static int control; /* our duplicate of the caller's end */
static int fds_before;

static int helper_fds(void)
{
	char path[40];
	int n = 0;

	snprintf(path, sizeof(path), "ls /proc/%d/fd", (int)helper);
	FILE *f = popen(path, "re");
	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		n += c == '\n';
	pclose(f);
	return n;
}

/* While nothing else is started, the library's end of the helper's socket is the only socket of its kind. */
static int find_control(void)
{
	int found = -1;

	for (int fd = 3; fd < 1000; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
			assert_int_equal(found, -1);
			found = fd;
		}
	}
	return found;
}

static void up(void)
{
	helper = helper_pid();
	control = beget__fd_dup(find_control());
	assert_true(control >= 0);
	sleep_ms(10);
	fds_before = helper_fds();
}

/* The same helper still serves, and holds nothing of what it was sent. */
static void expect_service(void)
{
	assert_int_equal(helper_pid(), helper);
	for (int64_t end = now_ms() + 2000; helper_fds() != fds_before && now_ms() < end;)
		sleep_ms(5);
	assert_int_equal(helper_fds(), fds_before);
}

static void down(void)
{
	expect_service();
	beget__fd_close(&control);
}

static void send_raw(const void *data, size_t size, const int *fds, int nfds)
{
	char room[CMSG_SPACE(253 * sizeof(int))] = {0};
	struct iovec iov = {(void *)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		m.msg_control = room;
		m.msg_controllen = (socklen_t)CMSG_SPACE((size_t)nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	assert_int_equal(beget__libc_sendmsg(control, &m, MSG_NOSIGNAL), size);
}

static void send_packet(struct header header, size_t body, int nfds)
{
	static char packet[16384];
	int fds[253];

	memcpy(packet, &header, sizeof(header));
	for (int i = 0; i < nfds; i++)
		fds[i] = control;
	send_raw(packet, sizeof(header) + body, fds, nfds);
}

static void garbage(void)
{
	static const struct {
		struct header header;
		size_t body;
		int nfds;
	} packets[] = {
		{{0, 0, 0, 0, 0, 0}, 0, 0},
		{{MAGIC + 1, BEGET__START, 0, 1, 0, 4}, 4, 1},
		{{MAGIC, MORE, 0, 0, 0, 0}, 0, 0},
		{{MAGIC, MORE, 0, 0, 0, 0}, 100, 1},
		{{MAGIC, BEGET__START, 9, 1, 0, 4}, 4, 1},
		{{MAGIC, BEGET__START, 0, 1, 0, 4}, 9000, 1}, /* oversized */
		{{MAGIC, BEGET__START, 0, 1, 0, 4}, 5, 1},    /* longer than announced */
		{{MAGIC, BEGET__START, 0, 1, 0, 4}, 4, 253},  /* more descriptors than announced */
		{{MAGIC, BEGET__START, 0, 1, 0, 4}, 4, 1},    /* another protocol */
		{{MAGIC, BEGET__START, 0, 0, 0, 4}, 4, 0},    /* no channel */
		{{MAGIC, BEGET__START, 0, 2, 0, 4}, 4, 2},    /* two channels */
		{{MAGIC, BEGET__START, 0, 1, 0, 0}, 0, 1},    /* no protocol number */
		{{MAGIC, BEGET__CALL, 0, 1, 0, 4}, 4, 1},
		{{MAGIC, BEGET__ENDED, 0, 0, 0, 32}, 32, 0},
		{{MAGIC, 4711, 0, 200, 0, 100}, 100, 200},
		{{MAGIC, 0, 0, 0, 0, 0}, 0, 0},
		{{MAGIC, BEGET__START, OUTSIDE, 1, 0, 1 << 30}, 0, 1}, /* a body in something that is not a file */
		{{MAGIC, BEGET__START, 0, 272, 0, SIZE_MAX / 8}, 10, 200},
	};

	up();
	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		send_packet(packets[i].header, packets[i].body, packets[i].nfds);
		expect_service();
	}
	down();
}

static void truncated(void)
{
	static const struct header header = {MAGIC, BEGET__START, 0, 1, 0, 4};

	up();
	for (size_t n = 0; n < sizeof(header); n += 5) {
		send_raw(&header, n, &control, n > 0);
		expect_service();
	}
	down();
}

/* Random packets, many at once. */
static void noise(void)
{
	static char bytes[8192];

	up();
	srand(1);
	for (int i = 0; i < often(2000); i++) {
		size_t size = (size_t)(rand() % (i % 10 ? 64 : (int)sizeof(bytes)));
		for (size_t j = 0; j < size; j++)
			bytes[j] = (char)rand();
		if (i % 2)
			memcpy(bytes, &(uint32_t){MAGIC}, 4);
		if (size > 5 && bytes[4] == BEGET__RETIRE && bytes[5] == 0)
			continue; /* a valid request */
		send_raw(bytes, size, &control, i % 3 == 0 && size > 0);
	}
	down();
}

/* An incomplete request blocks no other. */
static void half_a_request(void)
{
	up();
	for (int i = 0; i < 3; i++) {
		send_packet((struct header){MAGIC, BEGET__START, 0, 1, 0, 100000}, 4000, 0);
		send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, 4000, 1);
		expect_service();
	}
	down();
}

/* The refusal arrives on the channel that came with the request, which is then closed. */
static void expect_refusal(int pair[2], int error)
{
	struct {
		struct beget__frame frame;
		char buffer[BEGET__PACKET_SIZE];
	} in;
	struct beget__failure failure;

	beget__frame_init(&in.frame, in.buffer, NULL);
	beget__fd_close(&pair[1]);
	assert_int_equal(beget__frame_receive(pair[0], &in.frame, 0), 1);
	assert_int_equal(in.frame.kind, BEGET__FAILED);
	assert_true(beget__report_get_failed(&in.frame, &failure));
	assert_int_equal(failure.code, error);
	assert_int_equal(beget__frame_receive(pair[0], &in.frame, 0), 0);
	beget__fd_close(&pair[0]);
}

static void a_request_of_another_version(void)
{
	uint32_t protocol = 4711;
	int pair[2];

	up();
	assert_int_equal(beget__sock_pair(pair), 0);
	assert_int_equal(beget__send_frame(control, BEGET__START, &(struct iovec){&protocol, 4}, 1, &pair[1], 1), 0);
	expect_refusal(pair, -EBADMSG);
	down();
}

/* Channels without messages: a child waits on each, and nothing else waits. */
static void silent_requests(void)
{
	int near[20];

	up();
	for (int i = 0; i < 20; i++) {
		int pair[2];
		assert_int_equal(beget__sock_pair(pair), 0);
		assert_int_equal(
			beget__request_send_start(control, pair[1], &(struct beget__request){.caller = getpid()}), 0);
		near[i] = pair[0];
		beget__fd_close(&pair[1]);
	}
	assert_int_equal(helper_pid(), helper);
	for (int i = 0; i < 20; i++)
		beget__fd_close(&near[i]);
	down();
}

/* Descriptors that are not channels. */
static void no_channels(void)
{
	int pipes[2], pair[2], stream[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	up();
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(beget__sock_pair(pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
	beget__fd_close(&pair[0]); /* its other end is gone */
	int fds[] = {pipes[0], pipes[1], pair[1], stream[0], null};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		assert_int_equal(
			beget__request_send_start(control, fds[i], &(struct beget__request){.caller = getpid()}), 0);
		expect_service();
	}
	close(pipes[0]);
	close(pipes[1]);
	close(stream[0]);
	close(stream[1]);
	close(null);
	beget__fd_close(&pair[1]);
	down();
}

/* The caller does not read its channel: the helper has no room for its last report, and nothing else happens. */
static void an_unread_channel(void)
{
	int pair[2];
	char junk[4096] = {0};

	up();
	assert_int_equal(beget__sock_pair(pair), 0);
	while (send(pair[1], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(beget__request_send_start(control, pair[1], &(struct beget__request){.caller = getpid()}), 0);
	beget__fd_close(&pair[1]);
	assert_int_equal(helper_pid(), helper);
	beget__fd_close(&pair[0]);
	down();
}

static void nothing(void)
{
}

static struct rlimit limit_helper(beget__libc_resource resource, rlim_t n)
{
	struct rlimit before, now;

	assert_int_equal(prlimit(helper, resource, NULL, &before), 0);
	now = before;
	now.rlim_cur = n;
	assert_int_equal(prlimit(helper, resource, &now, NULL), 0);
	return before;
}

static void one_start_in_a_full_table(rlim_t places)
{
	struct rlimit before = limit_helper(RLIMIT_NOFILE, places);
	struct beget_process *p = start(BEGET_FORKSERVER, BEGET_CALL(nothing));
	struct beget_status status;
	char text[400];

	assert_int_equal(beget_join(p, 5000, &status), 0);
	beget_describe(p, text, sizeof(text));
	if (status.outcome != BEGET_EXITED &&
	    (status.outcome != BEGET_FAILED || (status.code != -EMFILE && status.code != -ECONNRESET)))
		fail_msg("%d places: %s", (int)places, text);
	if ((int)places == fds_before) /* the channel is received, but there is no number for a child's */
		assert_int_equal(status.code, -EMFILE);
	if ((int)places > fds_before + 2)
		assert_int_equal(status.outcome, BEGET_EXITED);
	beget_free(p);
	prlimit(helper, RLIMIT_NOFILE, &before, NULL);
	expect_service();
}

static void no_descriptor_in_the_helper(void)
{
	not_under_valgrind("it ends when the table is full");
	up();
	for (int places = fds_before + 4; places >= 0; places--)
		one_start_in_a_full_table((rlim_t)places);
	down();
}

/* Not all descriptors of a question get a number. */
static void no_room_for_a_question(void)
{
	int pair[2];

	not_under_valgrind("it ends when the table is full");
	up();
	struct rlimit before = limit_helper(RLIMIT_NOFILE, (rlim_t)fds_before);
	assert_int_equal(beget__sock_pair(pair), 0);
	assert_int_equal(beget__request_send_setup(control, BEGET__PRELOAD, "none.so", 0, (int[]){pair[1], 0, 1, 2}),
	                 0);
	expect_refusal(pair, -EMFILE);
	prlimit(helper, RLIMIT_NOFILE, &before, NULL);
	down();
}

static void sleeper(void)
{
	pause();
}

/* As many children as the table has room for: further ones are refused, and the others continue. */
static void a_table_that_fills(void)
{
	enum { PLACES = 20, STARTS = 30 };
	struct beget_process *p[STARTS];
	int failed = 0;

	not_under_valgrind("it ends when the table is full");
	up();
	struct rlimit before = limit_helper(RLIMIT_NOFILE, (rlim_t)fds_before + PLACES);
	for (int i = 0; i < STARTS; i++)
		p[i] = start(BEGET_FORKSERVER, BEGET_CALL(sleeper));
	for (int i = 0; i < STARTS; i++)
		beget_pid(p[i]); /* all have been born or refused before a number is free again */
	for (int i = 0; i < STARTS; i++) {
		int killed = beget_kill(p[i], SIGKILL);
		if (killed == 0) {
			expect_end(p[i], BEGET_SIGNALED, SIGKILL);
			continue;
		}
		assert_int_equal(killed, -ESRCH);
		expect_end(p[i], BEGET_FAILED, -EMFILE);
		failed++;
	}
	prlimit(helper, RLIMIT_NOFILE, &before, NULL);
	if (failed < STARTS - PLACES || failed == STARTS)
		fail_msg("%d refused", failed);
	down();
}

/* Root is not bound by the limit on processes. */
static void no_process_left(void)
{
	struct beget_process *p;
	struct beget_status status;
	struct rlimit before, none = {1, 1};

	become_ordinary();
	helper = host_helper();
	CHECK(prlimit(helper, RLIMIT_NPROC, NULL, &before) == 0);
	none.rlim_max = before.rlim_max;
	CHECK(prlimit(helper, RLIMIT_NPROC, &none, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(beget_start(&p, NULL, BEGET_CALL(nothing)) == 0);
		CHECK(beget_join(p, 5000, &status) == 0);
		CHECK(status.outcome == BEGET_FAILED && status.code == -EAGAIN);
		beget_free(p);
	}
	CHECK(prlimit(helper, RLIMIT_NPROC, &before, NULL) == 0);
	CHECK(host_helper() == helper);
}

static void no_process_in_the_helper(void)
{
	not_under_valgrind("after a fork that failed, the next child's stack does not grow there");
	run_host(no_process_left);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(garbage),
		UNIT(truncated),
		UNIT(noise),
		UNIT(half_a_request),
		UNIT(a_request_of_another_version),
		UNIT(silent_requests),
		UNIT(no_channels),
		UNIT(an_unread_channel),
		UNIT(no_descriptor_in_the_helper),
		UNIT(no_room_for_a_question),
		UNIT(a_table_that_fills),
		UNIT(no_process_in_the_helper),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
