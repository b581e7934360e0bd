/* Calls that are repeated in one process: after each, memory, mappings and descriptors are as before. */
#include "harness.h"
#include "fault.h"
#include "call/bare.h"
#include "callee/exchange.h"
#include "os/sock.h"
#include "program/target.h"
#include "wire/send.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int sides[2]; /* the caller's, the callee's */
static struct beget__exchange x;
static char *caller_buffer;
static size_t caller_space;

struct inner {
	short s;
	double d[2];
};
struct pair {
	int a;
	struct inner inner;
};
#define INNER BEGET_LAYOUT(struct inner, BEGET_MEMBER(struct inner, s), BEGET_MEMBER(struct inner, d))
#define PAIR  BEGET_LAYOUT(struct pair, BEGET_MEMBER(struct pair, a), BEGET_MEMBER_STRUCT(struct pair, inner, INNER))

static int add(int a, long b, double c)
{
	return a + (int)b + (int)c;
}

static const char *words(const char *a, const char *b)
{
	static char all[100];

	snprintf(all, sizeof(all), "%s %s", a, b);
	return all;
}

static long objects(const long *in, long *out, long *inout)
{
	*out = *in + 1;
	*inout += *in;
	return *out;
}

static void much(char *out, struct beget_bytes bytes)
{
	memcpy(out, bytes.data, bytes.size);
}

static struct beget_bytes more(struct beget_bytes bytes)
{
	return bytes;
}

static struct pair turn(struct pair p)
{
	return (struct pair){-p.a, {p.inner.s, {p.inner.d[1], p.inner.d[0]}}};
}

static struct beget_buffer *same(struct beget_buffer *b)
{
	((char *)beget_buffer_data(b))[0]++;
	return b;
}

static struct beget_buffer *fresh(struct beget_buffer *b)
{
	struct beget_buffer *ret = NULL;

	(void)b;
	(void)beget_buffer_create(&ret, 100);
	return ret;
}

static int look(struct beget_fd fd)
{
	return fcntl(fd.fd, F_GETFD);
}

/* It closes the descriptor, as the exchange would, and another file has its number. */
static int closes(struct beget_fd fd)
{
	close(fd.fd);
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int apply(int (*f)(int, long, double), int a)
{
	return f(a, 1, 1);
}

static int variadic(int n, ...)
{
	va_list ap;
	int sum = 0;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		sum += va_arg(ap, int);
	va_end(ap);
	return sum;
}

static void ignored(int a)
{
	(void)a;
}

static void send_call(const struct beget_call *call)
{
	int numbers[BEGET__FRAME_FDS];
	struct beget__fds fds = {numbers, 0, BEGET__FRAME_FDS - 1};
	struct beget__target target = {0};
	const struct iovec *iov;
	struct beget__writer w = {0};
	struct beget__bare bare;

	assert_int_equal(beget__bare_make(&bare, call), 0);
	assert_int_equal(beget__target_find(call->function, false, &target), 0);
	assert_int_equal(beget__order_put_call(&w, &target, &bare.call, &fds), 0);
	int n = beget__bytes_finish(&w, &iov);
	assert_true(n > 0);
	assert_int_equal(beget__send_tagged(sides[0], BEGET__CALL, 4711, iov, n, numbers, fds.n), 0);
	beget__bytes_free(&w);
	beget__bare_free(&bare);
}

/* Makes a call. The result is in *ret, with its frame in f. Returns the memory of the first output, or NULL. */
static const void *exchange(const struct beget_call *call, struct beget__frame *f, struct beget__answer *ret)
{
	size_t size;

	send_call(call);
	assert_int_equal(beget__exchange_receive(&x, sides[1], BEGET__CALL), 1);
	assert_int_equal(beget__exchange_read(&x), 0);
	assert_int_equal(beget__exchange_settle(&x), 0);
	assert_int_equal(beget__exchange_call(&x), 0);
	assert_int_equal(beget__exchange_answer(&x, sides[1]), 0);
	beget__exchange_end(&x);
	beget__frame_init(f, caller_buffer, NULL);
	f->space = caller_space;
	assert_int_equal(beget__frame_receive(sides[0], f, 0), 1);
	caller_buffer = f->buffer; /* it may have been enlarged */
	caller_space = f->space;
	assert_int_equal(f->tag, 4711);
	assert_true(beget__order_get_result(f, ret));
	return ret->outs ? beget__order_next_out(ret, &size) : NULL;
}

static union beget__value value_of(const struct beget_call *call)
{
	struct beget__answer answer;
	struct beget__frame f;

	exchange(call, &f, &answer);
	if (answer.type == BEGET_TYPE_BUFFER)
		beget__fd_close(&answer.value.fd.fd);
	beget__frame_clear(&f);
	return answer.value;
}

static void numbers(void)
{
	assert_int_equal(value_of(BEGET_CALL(add, 1, 2L, 3.0)).i, 6);
	assert_int_equal(value_of(BEGET_CALL(variadic, 2, (short)3, (char)4)).i, 7);
	assert_int_equal(value_of(BEGET_CALL(apply, add, 5)).i, 7);
	value_of(BEGET_CALL(ignored, 1));
}

static void memory(void)
{
	static char large[200000], back[sizeof(large)];
	struct beget__answer answer;
	struct beget__frame f;
	long in = 1, out, inout = 3;

	exchange(BEGET_CALL(words, "in", "band"), &f, &answer);
	assert_string_equal(answer.value.pointer, "in band");
	beget__frame_clear(&f);
	assert_int_equal(*(const long *)exchange(
				 BEGET_CALL(objects, BEGET_IN(&in), BEGET_OUT(&out), BEGET_INOUT(&inout)), &f, &answer),
	                 2);
	beget__frame_clear(&f);
	memset(large, 7, sizeof(large));
	assert_memory_equal(exchange(BEGET_CALL(much, BEGET_OUT(back), BEGET_BYTES(large, sizeof(large))), &f, &answer),
	                    large, sizeof(large));
	beget__frame_clear(&f);
	exchange(BEGET_CALL(more, BEGET_BYTES(large, 30000)), &f, &answer);
	assert_int_equal(answer.value.bytes.size, 30000);
	beget__frame_clear(&f);
}

static void structs(void)
{
	struct pair p = {1, {2, {3, 4}}};
	struct beget__answer answer;
	struct beget__frame f;

	exchange(BEGET_RETURNS(PAIR, BEGET_CALL(turn, BEGET_STRUCT(PAIR, p))), &f, &answer);
	const struct pair *back = answer.value.pointer;
	assert_true(back->a == -1 && back->inner.s == 2 && back->inner.d[0] == 4 && back->inner.d[1] == 3);
	beget__frame_clear(&f);
}

static void descriptors(struct beget_buffer *b)
{
	value_of(BEGET_CALL(same, b));
	value_of(BEGET_CALL(fresh, b));
	value_of(BEGET_CALL(fresh, (struct beget_buffer *)NULL));
	assert_int_equal(value_of(BEGET_CALL(look, BEGET_FD(sides[0]))).i, FD_CLOEXEC);
	int other = value_of(BEGET_CALL(closes, BEGET_FD(sides[0]))).i;
	assert_true(fcntl(other, F_GETFD) >= 0);
	beget__fd_close(&other);
}

struct footprint {
	size_t heap;
	int mappings, descriptors;
};

static int mappings(void)
{
	char line[512];
	int n = 0;

	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		n++;
	fclose(maps);
	return heap() == 0 ? 0 : n; /* those tools add mappings of their own */
}

static struct footprint footprint(void)
{
	struct footprint ret = {.mappings = mappings()};

	DIR *fds = opendir("/proc/self/fd");
	while (readdir(fds))
		ret.descriptors++;
	closedir(fds);
	ret.heap = heap();
	return ret;
}

static void begin(void)
{
	assert_int_equal(beget__sock_pair(sides), 0);
	beget__exchange_init(&x, aligned_alloc(BEGET__ALIGN_MAX, BEGET__PACKET_WIDE));
	x.frame.space = caller_space = BEGET__PACKET_WIDE;
	caller_buffer = malloc(caller_space);
}

static void end(void)
{
	beget__arena_free(&x.arena);
	free(x.frame.buffer);
	free(caller_buffer);
	beget__fd_close(&sides[0]);
	beget__fd_close(&sides[1]);
}

static void ten_thousand(void)
{
	const int warm = 5, rounds = often(750); /* with 13 exchanges each */
	struct footprint before = {0};
	struct beget_buffer *b;

	begin();
	fault_nth(" alloc ", 0, 0);
	numbers();
	fault_off();
	assert_int_equal(fault.seen, 0); /* small calls do not allocate */
	assert_int_equal(beget_buffer_create(&b, 10000), 0);
	for (int i = 0; i < warm + rounds; i++) {
		if (i == warm)
			before = footprint();
		numbers();
		memory();
		structs();
		descriptors(b);
	}
	struct footprint after = footprint();
	assert_int_equal(((char *)beget_buffer_data(b))[0], (char)(warm + rounds));
	assert_int_equal(after.heap, before.heap);
	assert_int_equal(after.mappings, before.mappings);
	assert_int_equal(after.descriptors, before.descriptors);
	beget_buffer_free(b);
	end();
}

/* A call that fails on its way is freed too: here at each of its allocations. */
static void without_memory(void)
{
	static char large[5000];
	struct pair p = {0};
	struct beget_buffer *b;
	int n = 0;
	bool made;

	begin();
	assert_int_equal(beget_buffer_create(&b, 100), 0);
	const struct beget_call *call =
		BEGET_CALL(variadic, 1, BEGET_OUT(large), b, BEGET_FD(0), BEGET_STRUCT(PAIR, p), add, b, BEGET_FD(1));
	send_call(call);
	assert_int_equal(beget__exchange_receive(&x, sides[1], BEGET__CALL), 1);
	beget__exchange_end(&x);
	struct footprint before = footprint();
	do {
		send_call(call);
		assert_int_equal(beget__exchange_receive(&x, sides[1], BEGET__CALL), 1);
		fault_nth(" alloc ", ++n, ENOMEM);
		made = !beget__exchange_read(&x) && !beget__exchange_settle(&x);
		fault_off();
		beget__exchange_end(&x);
		beget__arena_free(&x.arena);
		struct footprint after = footprint();
		assert_int_equal(after.heap, before.heap);
		assert_int_equal(after.mappings, before.mappings);
		assert_int_equal(after.descriptors, before.descriptors);
	} while (!made);
	assert_true(n > 2); /* at least the buffers */
	beget_buffer_free(b);
	end();
}

static void no_caller(void)
{
	begin();
	beget__fd_close(&sides[0]);
	assert_int_equal(beget__exchange_receive(&x, sides[1], BEGET__CALL), 0);
	end();
}

static void another_message(void)
{
	begin();
	assert_int_equal(beget__send_now(sides[0], BEGET__GO, NULL, 0), 0);
	assert_int_equal(beget__exchange_receive(&x, sides[1], BEGET__CALL), -EBADMSG);
	end();
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {UNIT(ten_thousand), UNIT(without_memory), UNIT(no_caller),
	                                    UNIT(another_message)};

	keep_no_freed_blocks(argv);
	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
