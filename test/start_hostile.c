/* A child whose target has corrupted its memory may send anything on its channel. The caller accepts only what was
 * promised, keeps nothing else (the fence counts descriptors), and learns how the child ended. */
#include "harness.h"
#include "os/fd.h"
#include "message/message.h"
#include "message/order.h"
#include "os/file.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TIMES = 40 };

/* The target's own result follows. */
static int buffers_nobody_asked_for(int code)
{
	static const struct beget_call buffer = {.result = BEGET_TYPE_BUFFER}, text = {.result = BEGET_TYPE_STRING};
	union beget__value value = {0};

	for (int i = 0; i < TIMES; i++) {
		if (beget_buffer_create(&value.buffer, 4096) < 0 ||
		    beget__order_send_result(BEGET__FD_ASIDE, 0, &buffer, &value) < 0)
			return -1;
		beget_buffer_free(value.buffer);
		value.pointer = "text";
		if (beget__order_send_result(BEGET__FD_ASIDE, 0, &text, &value) < 0)
			return -1;
	}
	return code;
}

static void results_that_were_not_promised(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(buffers_nobody_asked_for, 7)), 7);
}

/* Empty packets with descriptors. */
static int empty_packets(int code)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = {0};
	int fds[2] = {STDIN_FILENO, STDOUT_FILENO};
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	for (int i = 0; i < TIMES; i++)
		if (sendmsg(BEGET__FD_ASIDE, &m, MSG_NOSIGNAL) < 0)
			return -1;
	return code;
}

static void packets_of_nothing(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(empty_packets, 8)), 8);
}

/* A body that claims to be both in a file and in packets: clearing the frame must not unmap the caller's heap. */
static int bodies_twice(int code)
{
	struct {
		uint32_t magic;
		uint16_t kind, flags;
		uint32_t fds, unused;
		uint64_t length;
		char body[4096];
	} packet = {0x31676562, BEGET__RESULT, 1, 2, 0, 4096, ""};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	int file = beget__file_create(4096);
	struct iovec iov = {&packet, 24};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(file));
	memcpy(CMSG_DATA(c), &file, sizeof(file));
	if (file < 0 || sendmsg(BEGET__FD_ASIDE, &m, MSG_NOSIGNAL) < 0)
		return -1;
	packet.kind = 0xffff;
	packet.flags = 0;
	packet.fds = 0;
	packet.length = 0;
	return send(BEGET__FD_ASIDE, &packet, sizeof(packet), MSG_NOSIGNAL) < 0 ? -1 : code;
}

static void a_body_of_both_kinds(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(bodies_twice, 9)), 9);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR_OF(results_that_were_not_promised, BY(BEGET_SPAWN) | BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(packets_of_nothing, BY(BEGET_SPAWN) | BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(a_body_of_both_kinds, BY(BEGET_SPAWN) | BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
