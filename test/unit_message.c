/* The messages: each is received as it was sent; one that is truncated, too long or inconsistent is refused, and none
 * makes its reader allocate more than the received bytes justify. */
#include "fault.h"
#include "harness.h"
#include "message/order.h"
#include "message/report.h"
#include "message/request.h"
#include "os/fd.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int sides[2];

static struct {
	struct beget__frame frame;
	_Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__PACKET_SIZE];
} in;

static void up(void)
{
	assert_int_equal(beget__sock_pair(sides), 0);
	memset(&in, 0, sizeof(in));
	beget__frame_init(&in.frame, in.buffer, NULL);
}

static void down(void)
{
	beget__frame_clear(&in.frame);
	beget__fd_close(&sides[0]);
	beget__fd_close(&sides[1]);
}

static struct beget__frame *receive(unsigned kind)
{
	beget__frame_clear(&in.frame);
	assert_int_equal(beget__frame_receive(sides[1], &in.frame, MSG_DONTWAIT), 1);
	assert_int_equal(in.frame.kind, kind);
	return &in.frame;
}

/* A frame that another process may have composed. */
static struct beget__frame *forged(unsigned kind, const void *body, size_t size, int nfds)
{
	static struct beget__frame f;
	static char buffer[BEGET__PACKET_SIZE];

	memset(&f, 0, sizeof(f));
	memcpy(buffer, body, size);
	f.kind = kind;
	f.body = f.buffer = buffer;
	f.size = f.got = size;
	f.nfds = f.want_fds = nfds;
	for (int i = 0; i < nfds; i++)
		f.fds[i] = -1;
	return &f;
}

static void start_message(void)
{
	char body[64];
	struct beget__request request;

	up();
	for (int i = 0; i < 3; i++) {
		struct beget__request sent = {
			.caller = 77 + i, .tied = (uint32_t)i % 2, .spare = (uint32_t)i, .monitored = i == 1};
		assert_int_equal(beget__request_send_start(sides[0], sides[0], &sent), 0);
		assert_true(beget__request_get_start(receive(BEGET__START), &request));
		assert_int_equal(request.caller, 77 + i);
		assert_int_equal(request.tied, i % 2);
		assert_int_equal(request.spare, i);
		assert_int_equal(request.monitored, i == 1);
	}
	size_t size = in.frame.size;
	memcpy(body, in.frame.body, size);
	assert_true(beget__request_get_start(forged(BEGET__START, body, size, 1), &request));
	assert_false(beget__request_get_start(forged(BEGET__START, body, size, 0), &request));
	assert_false(beget__request_get_start(forged(BEGET__START, body, size, 2), &request));
	assert_false(beget__request_get_start(forged(BEGET__START, body, size - 1, 1), &request));
	assert_false(beget__request_get_start(forged(BEGET__START, body, size + 1, 1), &request));
	assert_false(beget__request_get_start(forged(BEGET__RETIRE, body, size, 1), &request));
	body[0]++; /* the protocol number */
	assert_false(beget__request_get_start(forged(BEGET__START, body, size, 1), &request));
	down();
}

static void plain_messages(void)
{
	up();
	assert_int_equal(beget__request_send_plain(sides[0], BEGET__RETIRE), 0);
	assert_int_equal(receive(BEGET__RETIRE)->size, 0);
	assert_int_equal(beget__request_send_plain(sides[0], BEGET__GO), 0);
	assert_int_equal(receive(BEGET__GO)->nfds, 0);
	down();
}

static void born_message(void)
{
	static const int32_t bad[] = {0, -1, INT32_MIN};
	int32_t two[2] = {5, 0};
	pid_t pid = 0;

	up();
	assert_int_equal(beget__report_send_born(sides[0], 4711, sides[0]), 0);
	assert_true(beget__report_get_born(receive(BEGET__BORN), &pid));
	assert_int_equal(pid, 4711);
	assert_int_equal(in.frame.nfds, 1);
	assert_int_equal(beget__report_send_born(sides[0], 1, -1), 0);
	assert_true(beget__report_get_born(receive(BEGET__BORN), &pid));
	assert_int_equal(in.frame.nfds, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(beget__report_get_born(forged(BEGET__BORN, &bad[i], 4, 0), &pid));
	assert_false(beget__report_get_born(forged(BEGET__BORN, two, 3, 0), &pid));
	assert_false(beget__report_get_born(forged(BEGET__BORN, two, 8, 0), &pid));
	assert_false(beget__report_get_born(forged(BEGET__BORN, two, 4, 2), &pid));
	assert_int_equal(pid, 1); /* untouched by the refused message */
	down();
}

static void failed_message(void)
{
	struct beget__failure failure = {-EMFILE, "helper: cannot create a child"}, back;

	up();
	assert_int_equal(beget__report_send_failed(sides[0], &failure), 0);
	assert_true(beget__report_get_failed(receive(BEGET__FAILED), &back));
	assert_int_equal(back.code, -EMFILE);
	assert_string_equal(back.text, failure.text);
	memset(failure.text, 'x', sizeof(failure.text)); /* unterminated */
	assert_true(beget__report_get_failed(forged(BEGET__FAILED, &failure, sizeof(failure), 0), &back));
	assert_int_equal(strlen(back.text), sizeof(back.text) - 1);
	assert_false(beget__report_get_failed(forged(BEGET__FAILED, &failure, sizeof(failure) - 1, 0), &back));
	assert_int_equal(back.code, -EMFILE); /* untouched by the refused message */
	failure.code = 0;
	assert_false(beget__report_get_failed(forged(BEGET__FAILED, &failure, sizeof(failure), 0), &back));
	failure.code = EMFILE;
	assert_false(beget__report_get_failed(forged(BEGET__FAILED, &failure, sizeof(failure), 0), &back));
	down();
}

static void sign_message(void)
{
	enum beget__sign back = 0;

	up();
	for (enum beget__sign sign = BEGET__SIGN_READY; sign <= BEGET__SIGN_BEAT; sign++) {
		assert_int_equal(beget__report_send_sign(sides[0], sign), 0);
		assert_true(beget__report_get_sign(receive(BEGET__SIGN), &back));
		assert_int_equal(back, sign);
	}
	assert_int_equal(beget__report_send_sign(sides[0], BEGET__SIGN_BEAT + 1), 0);
	assert_false(beget__report_get_sign(receive(BEGET__SIGN), &back));
	assert_false(beget__report_get_sign(forged(BEGET__SIGN, "", 0, 0), &back)); /* without a tag */
	assert_int_equal(back, BEGET__SIGN_BEAT);
	down();
}

static void ended_message(void)
{
	struct beget__exit end = {.wait_status = 0x86, .user_us = 1, .system_us = 2, .peak_kib = 3}, back;
	char longer[sizeof(end) + 1] = {0};

	up();
	assert_int_equal(beget__report_send_ended(sides[0], &end), 0);
	assert_true(beget__report_get_ended(receive(BEGET__ENDED), &back));
	assert_memory_equal(&back, &end, sizeof(end));
	assert_false(beget__report_get_ended(forged(BEGET__ENDED, &end, sizeof(end) - 1, 0), &back));
	assert_false(beget__report_get_ended(forged(BEGET__ENDED, longer, sizeof(longer), 0), &back));
	assert_memory_equal(&back, &end, sizeof(end)); /* untouched by the refused message */
	down();
}

static void result_message(void)
{
	union beget__value value = {.ll = LLONG_MIN};
	struct beget__answer back;

	up();
	assert_int_equal(
		beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_LLONG}, &value), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.type, BEGET_TYPE_LLONG);
	assert_true(back.value.ll == LLONG_MIN);
	assert_int_equal(beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_VOID}, &value),
	                 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.type, BEGET_TYPE_VOID);
	value.pointer = "text";
	assert_int_equal(
		beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_STRING}, &value), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_string_equal(back.value.pointer, "text");
	value.bytes = (struct beget_bytes){calloc(1, 100000), 100000};
	assert_int_equal(
		beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_BYTES}, &value), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.value.bytes.size, 100000);
	assert_memory_equal(back.value.bytes.data, value.bytes.data, 100000);
	free((void *)value.bytes.data);
	down();
}

/* With outputs, and with descriptors. */

static union beget__value number = {.i = 5};

static struct beget_call with_outs(struct beget_arg *args, const void *const *places, const size_t *sizes)
{
	for (int i = 0; i < 3; i++)
		args[i] = (struct beget_arg){.type = BEGET_TYPE_OBJECT,
		                             .flags = i == 1 ? BEGET_ARG_INOUT : BEGET_ARG_OUT,
		                             .size = sizes[i],
		                             .value = &places[i]};
	args[3] = (struct beget_arg){.type = BEGET_TYPE_INT, .value = &number};
	return (struct beget_call){.result = BEGET_TYPE_INT, .n = 4, .args = args};
}

static void result_with_outs(void)
{
	static char large[100000];
	const void *places[] = {"x", large, NULL};
	const size_t sizes[] = {1, sizeof(large), 7};
	struct beget_arg args[4];
	struct beget_call call = with_outs(args, places, sizes);
	struct beget__answer back;
	size_t size;

	memset(large, 'l', sizeof(large));
	up();
	assert_int_equal(beget__order_send_result(sides[0], 0, &call, &number), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.value.i, 5);
	assert_int_equal(back.outs, 2); /* NULL outputs are not sent back */
	assert_memory_equal(beget__order_next_out(&back, &size), "x", 1);
	assert_int_equal(size, 1);
	assert_memory_equal(beget__order_next_out(&back, &size), large, sizeof(large));
	assert_int_equal(size, sizeof(large));
	down();
}

static void outs_that_lie(void)
{
	const void *places[] = {"x", "12345678", NULL};
	const size_t sizes[] = {1, 8, 7};
	struct beget_arg args[4];
	struct beget_call call = with_outs(args, places, sizes);
	struct beget__answer back;
	char body[200], lie[200];

	up();
	assert_int_equal(beget__order_send_result(sides[0], 0, &call, &number), 0);
	size_t n = receive(BEGET__RESULT)->size;
	memcpy(body, in.frame.body, n);
	assert_int_equal(n, 4 + 4 + 4 + 8 + 1 + 8 + 8);
	assert_true(beget__order_get_result(forged(BEGET__RESULT, body, n, 0), &back));
	for (size_t cut = 0; cut < n; cut++)
		assert_false(beget__order_get_result(forged(BEGET__RESULT, body, cut, 0), &back));
	memcpy(lie, body, n);
	lie[n] = 0;
	assert_false(beget__order_get_result(forged(BEGET__RESULT, lie, n + 1, 0), &back));
	for (size_t at = 8; at < 20; at++) /* their number, and the size of the first */
		for (int byte = 0; byte < 256; byte++) {
			memcpy(lie, body, n);
			lie[at] = (char)byte;
			bool good = beget__order_get_result(forged(BEGET__RESULT, lie, n, 0), &back);
			assert_int_equal(good, lie[at] == body[at]);
		}
	down();
}

static void result_of_a_struct(void)
{
	union beget__value value = {.pointer = "struct of 12"};
	struct beget__answer back;

	up();
	assert_int_equal(beget__order_send_result(
				 sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_STRUCT, .size = 12}, &value),
	                 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.type, BEGET_TYPE_STRUCT);
	assert_int_equal(back.size, 12);
	assert_memory_equal(back.value.pointer, "struct of 12", 12);
	down();
}

static void result_of_a_buffer(void)
{
	const uint32_t claims[] = {BEGET_TYPE_BUFFER, 10, 0, 0, 0}; /* 10 bytes, the first descriptor, no outputs */
	union beget__value value = {0};
	struct beget__answer back;

	up();
	assert_int_equal(
		beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_BUFFER}, &value), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.size, 0);
	assert_int_equal(beget_buffer_create(&value.buffer, 10), 0);
	assert_int_equal(
		beget__order_send_result(sides[0], 0, &(struct beget_call){.result = BEGET_TYPE_BUFFER}, &value), 0);
	assert_true(beget__order_get_result(receive(BEGET__RESULT), &back));
	assert_int_equal(back.type, BEGET_TYPE_BUFFER);
	assert_int_equal(back.size, 10);
	assert_true(back.value.fd.fd > 2);
	assert_int_equal(in.frame.fds[0], -1); /* the reader has taken it */
	beget__fd_close(&back.value.fd.fd);
	beget_buffer_free(value.buffer);
	/* its descriptor was never sent or was lost on the way, or the rest is invalid: then it is closed */
	assert_false(beget__order_get_result(forged(BEGET__RESULT, claims, sizeof(claims), 0), &back));
	assert_true(beget__order_get_result(forged(BEGET__RESULT, claims, sizeof(claims), 1), &back));
	assert_int_equal(back.value.fd.fd, -EMFILE);
	struct beget__frame *f = forged(BEGET__RESULT, claims, sizeof(claims) - 1, 1);
	int fd = f->fds[0] = beget__fd_dup(sides[0]);
	assert_false(beget__order_get_result(f, &back));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	down();
}

static void results_that_lie(void)
{
	static const struct {
		uint32_t words[4];
		size_t size;
	} lies[] = {
		{{BEGET_TYPE_INT, 0, 0, 0}, 4},
		{{BEGET_TYPE_INT, 0, 0, 0}, 8},
		{{BEGET_TYPE_INT, 0, 0, 0}, 16},
		{{BEGET_TYPE_INT, 0, 1, 0}, 12},
		{{BEGET_TYPE_VOID, 0, 0, 0}, 4},
		{{BEGET_TYPE_VOID, 0, 0, 0}, 12},
		{{BEGET_TYPE_VOID, 1, 5, 0}, 16},
		{{BEGET_TYPE_FD, 0, 0, 0}, 8},
		{{BEGET_TYPE_RAW, 0, 0, 0}, 12},
		{{BEGET_TYPE_RAW + 1, 0, 0, 0}, 12},
		{{BEGET_TYPE_STRING, 5, 0, 0}, 12},
		{{BEGET_TYPE_STRING, 4, 0, 0x61616161}, 16},
		{{UINT32_MAX, 0, 0, 0}, 16},
		{{BEGET_TYPE_BOOL, 2, 0, 0}, 9}, /* the caller's bool would be neither true nor false */
		{{BEGET_TYPE_INT, 0, 0, 0}, 3},
		{{BEGET_TYPE_BYTES, 0xffffffff, 0xffffffff, 1}, 16},
	};
	struct beget__answer back = {.type = BEGET_TYPE_INT, .value.i = 7};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		if (beget__order_get_result(forged(BEGET__RESULT, lies[i].words, lies[i].size, 0), &back))
			fail_msg("lie %zu is believed", i);
	assert_int_equal(back.type, BEGET_TYPE_INT);
	assert_int_equal(back.value.i, 7); /* untouched */
}

static int three(int i, const char *s, struct beget_fd fd, struct beget_bytes b)
{
	return i + (s != NULL) + fd.fd + (int)b.size;
}

/* A CALL as the caller writes it, as one piece; the caller of this frees it. */
static char *compose(size_t *size)
{
	static int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__FRAME_FDS};
	struct beget__target target = {.module = "module", .offset = 0x1234, .build = {.size = 3, .id = "id"}};
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;
	char *all = aligned_alloc(BEGET__ALIGN_MAX, BEGET__ALIGN_MAX);

	struct beget__head head = {
		.caller = 99, .caller_started = 12345, .name = "name", .tie = -1, .control = -1, .claims = -1};

	assert_int_equal(beget__order_put_head(&w, &head, &fds), 0);
	assert_int_equal(beget__order_put_call(&w, &target,
	                                       BEGET_CALL(three, 7, "seven", BEGET_FD(1), BEGET_BYTES("b", 1)), &fds),
	                 0);
	assert_int_equal(fds.n, 1);
	assert_int_equal(beget__bytes_finish(&w, &iov), 1);
	*size = iov->iov_len;
	memcpy(all, iov->iov_base, *size);
	beget__bytes_free(&w);
	return all;
}

static struct beget__head head;
static struct beget__arena arena;

static int parse(const char *message, size_t size, int *fd, struct beget__order *order)
{
	struct beget__reader r = {message, 0, size, false};
	struct beget__fds fds = {fd, 1, 1};

	memset(order, 0, sizeof(*order));
	int error = beget__order_get_head(&r, &fds, &head);
	return error ? error : beget__order_get_call(&r, &fds, &arena, order);
}

static void a_call(void)
{
	struct beget__order order;
	int fd = 33;
	size_t size;
	char *message = compose(&size);

	assert_int_equal(parse(message, size, &fd, &order), 0);
	assert_int_equal(head.caller, 99);
	assert_string_equal(order.target.module, "module");
	assert_int_equal(order.target.offset, 0x1234);
	assert_int_equal(order.target.build.size, 3);
	assert_int_equal(order.call.n, 4);
	assert_int_equal(order.call.result, BEGET_TYPE_INT);
	assert_int_equal(*(const int *)order.call.args[0].value, 7);
	assert_string_equal(*(const char *const *)order.call.args[1].value, "seven");
	assert_int_equal(((const struct beget_fd *)order.call.args[2].value)->fd, 33);
	assert_int_equal(fd, -1);
	beget__arena_free(&arena);
	free(message);
}

static void a_call_cut_anywhere(void)
{
	size_t size;
	char *message = compose(&size);

	for (size_t n = 0; n < size; n++) {
		struct beget__order order;
		int fd = 33;
		char *exact = malloc(n + 1);
		memcpy(exact, message, n);
		int error = parse(exact, n, &fd, &order);
		assert_true(error == -EBADMSG || (n < 8 && error == -EPROTO));
		beget__arena_free(&arena);
		free(exact);
	}
	message = realloc(message, size + 1); /* and one byte too many */
	struct beget__order order;
	assert_int_equal(parse(message, size + 1, &(int){33}, &order), -EBADMSG);
	beget__arena_free(&arena);
	free(message);
}

/* Any word may have any value: no crash, and no more memory than the message justifies. */
static void a_call_with_a_wrong_word(void)
{
	static const uint32_t words[] = {0, 1, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x10000, 253};
	size_t size;
	char *message = compose(&size);

	for (size_t at = 0; at + 4 <= size; at++)
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			struct beget__order order;
			uint32_t before;
			int fd = 33;
			memcpy(&before, message + at, 4);
			memcpy(message + at, &words[i], 4);
			int error = parse(message, size, &fd, &order);
			assert_true(error == 0 || error == -EBADMSG || error == -EPROTO);
			assert_true(order.call.n <= size / 4 || !order.call.args);
			beget__arena_free(&arena);
			memcpy(message + at, &before, 4);
		}
	free(message);
}

/* A descriptor of the head that was lost, or that two fields claim, must not count as absent. */
static void a_tie_that_got_lost(void)
{
	struct beget__head sent = {.tie = 3, .control = 3, .claims = -1}, got;
	int numbers[2] = {-1, 44};

	for (int i = 0; i < 2; i++) {
		struct beget__fds out = {(int[2]){0}, 0, 2}, fds = {numbers, 2, 2};
		struct beget__writer w = {0};
		size_t size;
		assert_int_equal(beget__order_put_head(&w, &sent, &out), 0);
		char *message = beget__bytes_flatten(&w, &size);
		if (i == 1) {                             /* both refer to the first */
			memset(message + size - 8, 0, 4); /* before the last field, which is absent */
			numbers[0] = 33;
		}
		struct beget__reader r = {message, 0, size, false};
		assert_int_equal(beget__order_get_head(&r, &fds, &got), -EBADMSG);
		free(message);
		beget__bytes_free(&w);
	}
}

static void an_argument_of_no_type(void)
{
	static const uint32_t kinds[] = {BEGET_TYPE_VOID, BEGET_TYPE_STRINGS + 1, 1000};
	struct beget__target target = {.module = ""};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const uint32_t rest[] = {BEGET_TYPE_INT, 0, 1, kinds[i], 0}; /* named, n, type, flags */
		struct beget__writer w = {0};
		struct beget__order order = {0};
		size_t size;
		beget__target_put(&w, &target);
		beget__bytes_put(&w, rest, sizeof(rest));
		char *message = beget__bytes_flatten(&w, &size);
		struct beget__reader r = {message, 0, size, false};
		assert_int_equal(beget__order_get_call(&r, NULL, &arena, &order), -EBADMSG);
		beget__arena_free(&arena);
		free(message);
		beget__bytes_free(&w);
	}
}

static void another_protocol(void)
{
	struct beget__order order;
	size_t size;
	char *message = compose(&size);

	message[0]++;
	assert_int_equal(parse(message, size, &(int){33}, &order), -EPROTO);
	assert_non_null(strstr(beget_error(), "version"));
	free(message);
}

static void no_memory(void)
{
	struct beget__order order;
	size_t size;
	char *message = compose(&size);

	assert_non_null(beget__arena_alloc(&arena, 1, sizeof(arena.first) - 1));
	fault_nth(" alloc ", 1, ENOMEM);
	assert_int_equal(parse(message, size, &(int){33}, &order), -ENOMEM);
	assert_true(fault_off() > 0);
	beget__arena_free(&arena);
	free(message);
}

static void too_many_descriptors(void)
{
	struct beget__target target = {.module = ""};
	struct beget__fds full = {(int[1]){0}, 1, 1};
	struct beget__writer w = {0};

	assert_int_equal(beget__order_put_call(&w, &target,
	                                       BEGET_CALL(three, 7, "seven", BEGET_FD(1), BEGET_BYTES("b", 1)), &full),
	                 -EMSGSIZE);
	beget__bytes_free(&w);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(start_message),
		UNIT(plain_messages),
		UNIT(born_message),
		UNIT(failed_message),
		UNIT(sign_message),
		UNIT(ended_message),
		UNIT(result_message),
		UNIT(result_with_outs),
		UNIT(outs_that_lie),
		UNIT(result_of_a_struct),
		UNIT(result_of_a_buffer),
		UNIT(results_that_lie),
		UNIT(a_call),
		UNIT(a_call_cut_anywhere),
		UNIT(another_protocol),
		UNIT(a_tie_that_got_lost),
		UNIT(an_argument_of_no_type),
		UNIT(a_call_with_a_wrong_word),
		UNIT(no_memory),
		UNIT(too_many_descriptors),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
