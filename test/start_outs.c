/* Outputs: after the join, the caller has what the target wrote, once, and only if the target returned and the process
 * ended well. Memory that is only written is zero at first. The same with every method. */
#include "fault.h"
#include "harness.h"
#include "os/fd.h"
#include "message/order.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t sizes[] = {1, 2, 3, 4095, 4096, 4097, 65535, 65536, 65537, 1 << 20, 16 << 20};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

static unsigned char byte_at(size_t i, int seed)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + (size_t)seed);
}

/* Returns 1 if an output is not zero, 2 if it is not aligned. */
static int fills(unsigned char *p, size_t n, int seed)
{
	int wrong = (uintptr_t)p % (n % 4096 ? 1 : 4096) ? 2 : 0;

	for (size_t i = 0; i < n; i++) {
		wrong |= p[i] != 0;
		p[i] = byte_at(i, seed);
	}
	return wrong;
}

static int adds(unsigned char *p, size_t n, int more)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(p[i] + more);
	return more;
}

static bool is_all(const unsigned char *p, size_t n, unsigned char byte)
{
	return p[0] == byte && memcmp(p, p + 1, n - 1) == 0;
}

static bool is_filled(const unsigned char *p, size_t n, int seed)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != byte_at(i, seed))
			return false;
	return true;
}

/* Page-aligned, as a system call may require, with a guard page on either side. */
static unsigned char *guarded(size_t n)
{
	unsigned char *p = aligned_alloc(4096, ((n + 4095) & ~(size_t)4095) + 8192);

	assert_non_null(p);
	memset(p, 0xee, n + 8192);
	return p + 4096;
}

static void expect_guards(const unsigned char *p, size_t n)
{
	assert_int_equal(p[-1], 0xee);
	assert_int_equal(p[n], 0xee);
}

/* Empty memory has an address: 1 and 2 for NULL pointers, 4 for one that is less aligned than malloc's. */
static int looks(const void *in, size_t n, void *out, size_t m)
{
	bool aligned = ((uintptr_t)in | (uintptr_t)out) % _Alignof(max_align_t) == 0;

	return (in != NULL) + 2 * (out != NULL) + (aligned ? 0 : 4) + 10 * (int)(n + m);
}

static void of_no_bytes(enum beget_method method)
{
	_Alignas(max_align_t) unsigned char in[1] = {1}, out[1] = {2};

	assert_int_equal(int_result(method, BEGET_CALL(looks, BEGET_IN((void *)in, 0u), (size_t)0,
	                                               BEGET_OUT((void *)out, 0u), (size_t)0)),
	                 3);
	assert_int_equal(out[0], 2);
}

static void aligned_as_by_malloc(enum beget_method method)
{
	_Alignas(max_align_t) unsigned char in[7] = {1}, out[13] = {2};

	assert_int_equal(int_result(method, BEGET_CALL(looks, BEGET_IN((void *)in, 7u), (size_t)7,
	                                               BEGET_OUT((void *)out, 13u), (size_t)13)),
	                 203);
}

static void each_size_comes_out(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		size_t n = sizes[i];
		unsigned char *p = guarded(n);
		assert_int_equal(int_result(method, BEGET_CALL(fills, BEGET_OUT(p, n), n, i)), 0);
		assert_true(is_filled(p, n, i));
		expect_guards(p, n);
		free(p - 4096);
	}
}

static void each_size_goes_and_comes(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		size_t n = sizes[i];
		unsigned char *p = guarded(n);
		assert_int_equal(int_result(method, BEGET_CALL(adds, BEGET_INOUT(p, n), n, 3)), 3);
		assert_true(is_all(p, n, (unsigned char)(0xee + 3)));
		expect_guards(p, n);
		free(p - 4096);
	}
}

struct record {
	int n;
	double d;
	char text[32];
};

static void writes_all(char *text, struct record *r, int *n, const int *in, long *last)
{
	strcpy(text, "text");
	r->n += 1, r->d += 1;
	strcat(r->text, "+");
	n[0] = n[1] = n[2] = *in;
	*last = -1;
}

static void several(enum beget_method method)
{
	char text[9000];
	struct record r;
	int n[3] = {1, 2, 3}, in = 8;
	long last = 5;

	memset(&r, 0, sizeof(r)); /* including its padding, because valgrind sees it being sent */
	r.n = 1;
	r.d = 0.5;
	strcpy(r.text, "r");
	memset(text, 't', sizeof(text));
	beget_free(returned(method, BEGET_CALL(writes_all, BEGET_OUT(text), BEGET_INOUT(&r), BEGET_OUT(n),
	                                       BEGET_IN(&in), BEGET_OUT(&last))));
	assert_string_equal(text, "text");
	assert_int_equal(text[8999], 0);
	assert_true(r.n == 2 && r.d == 1.5 && strcmp(r.text, "r+") == 0);
	assert_true(n[0] == 8 && n[1] == 8 && n[2] == 8);
	assert_int_equal(last, -1);
}

/* Together with results that keep their message, or a descriptor. */

static const char *says(int *n)
{
	*n += 1;
	return "said";
}

static struct beget_bytes returns_bytes(int *n)
{
	static char large[100000] = "large";

	*n += 1;
	return (struct beget_bytes){large, sizeof(large)};
}

static struct beget_buffer *returns_buffer(int *n)
{
	struct beget_buffer *b;

	*n += 1;
	if (beget_buffer_create(&b, 10) < 0)
		return NULL;
	strcpy(beget_buffer_data(b), "buffer");
	return b;
}

static struct record returns_record(int *n)
{
	*n += 1;
	return (struct record){5, 0.5, "record"};
}

static void beside_each_result(enum beget_method method)
{
	const struct beget_layout *layout =
		BEGET_LAYOUT(struct record, BEGET_MEMBER(struct record, n), BEGET_MEMBER(struct record, d),
	                     BEGET_MEMBER(struct record, text));
	int n = 0;
	const char *text = NULL;
	struct beget_bytes bytes = {NULL, 0};
	struct beget_buffer *buffer = NULL;
	struct record record;

	struct beget_process *p = returned(method, BEGET_CALL(says, BEGET_INOUT(&n)));
	assert_int_equal(beget_result(p, &text), 0);
	assert_string_equal(text, "said");
	beget_free(p);
	p = returned(method, BEGET_CALL(returns_bytes, BEGET_INOUT(&n)));
	assert_int_equal(beget_result(p, &bytes), 0);
	assert_int_equal(bytes.size, 100000);
	assert_string_equal(bytes.data, "large");
	beget_free(p);
	p = returned(method, BEGET_CALL(returns_buffer, BEGET_INOUT(&n)));
	assert_int_equal(beget_result(p, &buffer), 0);
	assert_string_equal(beget_buffer_data(buffer), "buffer");
	beget_free(p);
	p = returned(method, BEGET_RETURNS(layout, BEGET_CALL(returns_record, BEGET_INOUT(&n))));
	assert_int_equal(beget_result(p, &record), 0);
	assert_true(record.n == 5 && strcmp(record.text, "record") == 0);
	beget_free(p);
	assert_int_equal(n, 4);
}

static int which_are_null(int *out, char *inout, const void *in)
{
	return !out << 0 | !inout << 1 | !in << 2;
}

static void null_stays_null(enum beget_method method)
{
	int n = 3, *no_int = NULL;
	char c = 'c', *no_char = NULL;

	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, BEGET_OUT(no_int), BEGET_INOUT(no_char),
	                                               BEGET_NULL(const void *))),
	                 7);
	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, BEGET_OUT(no_int, 1000), BEGET_INOUT(&c),
	                                               BEGET_IN((const void *)NULL, 1))),
	                 5);
	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, BEGET_OUT(&n), BEGET_INOUT(no_char, 7),
	                                               BEGET_IN((const void *)"i", 1))),
	                 2);
	assert_int_equal(n, 0); /* the target wrote a zero */
	assert_int_equal(c, 'c');
}

/* The end of the process. */

enum how { RETURNS, EXITS, EXITS_BADLY, CRASHES, ABORTS, IS_KILLED, LEAVES_BADLY, IS_STOPPED_AT_EXIT };

static void end_badly(void)
{
	_exit(4);
}

static void end_by_signal(void)
{
	raise(SIGKILL);
}

static int writes_and_ends(int *out, int *inout, int how)
{
	*out = *inout = 99;
	signal(SIGSEGV, SIG_DFL); /* a copy of this process has cmocka's handler */
	switch (how) {
	case EXITS: exit(0);
	case EXITS_BADLY: exit(3);
	case CRASHES: raise(SIGSEGV); break;
	case ABORTS: abort();
	case IS_KILLED: raise(SIGKILL); break;
	case LEAVES_BADLY: atexit(end_badly); break; /* after the result has been sent */
	case IS_STOPPED_AT_EXIT: atexit(end_by_signal); break;
	default: break;
	}
	return how;
}

static void ends_badly(enum beget_method method, enum how how, enum beget_outcome outcome, int code)
{
	int out = 1, inout = 2, result = 7;

	struct beget_process *p =
		start(method, BEGET_CALL(writes_and_ends, BEGET_OUT(&out), BEGET_INOUT(&inout), (int)how));
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &result), -ENODATA);
	expect_end(p, outcome, code);
	assert_int_equal(out, 1);
	assert_int_equal(inout, 2);
}

static void a_bad_end_changes_nothing(enum beget_method method)
{
	ends_badly(method, EXITS, BEGET_EXITED, 0);
	ends_badly(method, EXITS_BADLY, BEGET_EXITED, 3);
	ends_badly(method, CRASHES, BEGET_SIGNALED, SIGSEGV);
	ends_badly(method, ABORTS, BEGET_SIGNALED, SIGABRT);
	ends_badly(method, IS_KILLED, BEGET_SIGNALED, SIGKILL);
	ends_badly(method, LEAVES_BADLY, BEGET_EXITED, 4);
	ends_badly(method, IS_STOPPED_AT_EXIT, BEGET_SIGNALED, SIGKILL);
}

/* Even if the memory is shared with a child that is a copy. */
static void a_bad_end_changes_no_shared_memory(enum beget_method method)
{
	int *out = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), inout = 2;

	assert_true(out != MAP_FAILED);
	*out = 1;
	expect_end(start(method, BEGET_CALL(writes_and_ends, BEGET_OUT(out), BEGET_INOUT(&inout), (int)CRASHES)),
	           BEGET_SIGNALED, SIGSEGV);
	assert_int_equal(*out, 1);
	beget_free(returned(method, BEGET_CALL(writes_and_ends, BEGET_OUT(out), BEGET_INOUT(&inout), (int)RETURNS)));
	assert_int_equal(*out, 99);
	munmap(out, 4096);
}

/* Its host has reaped it, and the kernel keeps no record: the outcome is unknown. */
static void an_unknown_end_changes_nothing(enum beget_method method)
{
	int out = 1, inout = 2;
	struct beget_process *p =
		start(method, BEGET_CALL(writes_and_ends, BEGET_OUT(&out), BEGET_INOUT(&inout), (int)RETURNS));

	pid_t pid = beget_pid(p); /* asking after its end would make the library read its status */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fault_every(" pidfd_info ", ENOTTY);
	int joined = beget_join(p, 10000, NULL);
	fault_off();
	assert_int_equal(joined, 0);
	expect_end(p, BEGET_LOST, 0);
	assert_true(out == 1 && inout == 2);
}

static int killed_while_it_writes(int *n)
{
	for (;;)
		++*n;
	return 0;
}

static void killed_by_the_caller(enum beget_method method)
{
	int n = 5;
	struct beget_process *p = start(method, BEGET_CALL(killed_while_it_writes, BEGET_INOUT(&n)));

	sleep_ms(5);
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	assert_int_equal(n, 5);
}

/* There is no memory for the output: the child reports that, and the target does not run. */
static int has_room(unsigned char *p, size_t n)
{
	return p[n - 1];
}

static void no_room(enum beget_method method)
{
	unsigned char byte = 1;
	size_t n = (size_t)PTRDIFF_MAX;
	struct beget_process *p = start(method, BEGET_CALL(has_room, BEGET_OUT(&byte, n), n));
	char text[400];

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	beget_describe(p, text, sizeof(text));
	if (!strstr(text, "argument 1: cannot allocate 9223372036854775807 bytes"))
		fail_msg("%s", text);
	expect_end(p, BEGET_FAILED, -ENOMEM);
	assert_int_equal(byte, 1);
}

/* The moment of the copy. */

static int writes_and_waits(int *n, struct beget_fd go)
{
	char c;

	*n = 6;
	return read(go.fd, &c, 1) == 1;
}

static void nothing_before_the_join(enum beget_method method)
{
	int go[2], n = 5, result = 0;

	assert_int_equal(pipe(go), 0);
	struct beget_process *p = start(method, BEGET_CALL(writes_and_waits, BEGET_OUT(&n), BEGET_FD(go[0])));
	assert_int_equal(n, 5);
	sleep_ms(20);
	assert_int_equal(beget_join(p, 0, NULL), -ETIMEDOUT);
	assert_int_equal(beget_join(p, 10, NULL), -ETIMEDOUT);
	assert_int_equal(beget_wait(&p, 1, 10), -ETIMEDOUT);
	assert_int_equal(beget_result(p, &result), -EBUSY);
	assert_int_equal(n, 5);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(beget_wait(&p, 1, 10000), 0);
	assert_int_equal(beget_result(p, &result), 0); /* it has ended but has not been joined */
	assert_int_equal(result, 1);
	assert_int_equal(n, 5);
	assert_int_equal(beget_join(p, 0, NULL), 0);
	assert_int_equal(n, 6);
	beget_free(p);
	close(go[0]);
	close(go[1]);
}

static void only_once(enum beget_method method)
{
	int out = 1, inout = 2;
	struct beget_process *p =
		returned(method, BEGET_CALL(writes_and_ends, BEGET_OUT(&out), BEGET_INOUT(&inout), (int)RETURNS));

	assert_true(out == 99 && inout == 99);
	out = inout = 3;
	assert_int_equal(beget_join(p, 0, NULL), 0);
	assert_int_equal(beget_wait(&p, 1, 0), 0);
	assert_true(out == 3 && inout == 3);
	beget_free(p);
	assert_true(out == 3 && inout == 3);
}

static void *joins(void *p)
{
	return beget_join(p, 10000, NULL) == 0 ? p : NULL;
}

/* Several threads join: the first one to return finds all outputs written. */
static void joined_by_threads(enum beget_method method)
{
	enum { LARGE = 300000, THREADS = 4 };
	unsigned char *out = calloc(1, LARGE);

	for (int round = 0; round < often(20); round++) {
		pthread_t threads[THREADS];
		void *joined;
		memset(out, 0, LARGE);
		struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK),
		                                     BEGET_CALL(fills, BEGET_OUT(out, LARGE), (size_t)LARGE, round));
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, joins, p), 0);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		assert_true(is_filled(out, LARGE, round));
		out[0]++;
		for (int i = 0; i < THREADS; i++) {
			pthread_join(threads[i], &joined);
			assert_ptr_equal(joined, p);
		}
		assert_int_equal(out[0], (unsigned char)(byte_at(0, round) + 1));
		beget_free(p);
	}
	free(out);
}

static void freed_without_a_join(enum beget_method method)
{
	int *out = calloc(1, sizeof(*out)), n = 1, inout = 2, go[2];

	assert_int_equal(pipe(go), 0);
	struct beget_process *p =
		start(method, BEGET_CALL(writes_and_ends, BEGET_OUT(&n), BEGET_INOUT(&inout), (int)RETURNS));
	assert_int_equal(beget_wait(&p, 1, 10000), 0);
	beget_free(p);
	assert_true(n == 1 && inout == 2);
	p = start(method, BEGET_CALL(writes_and_waits, BEGET_OUT(out), BEGET_FD(go[0])));
	pid_t pid = beget_pid(p);
	beget_free(p);
	free(out); /* the library no longer writes there */
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_true(process_gone(pid, 10000));
	close(go[0]);
	close(go[1]);
	expect_exit(start(method, BEGET_CALL(abs, 1)), 0); /* reaps */
}

/* The same memory twice: each argument has its own in the child, and the later one is copied back last. */
static int writes_both(int *a, int *b)
{
	*a = 1;
	*b = 2;
	return *a;
}

static void the_same_memory_twice(enum beget_method method)
{
	int n = 0;

	assert_int_equal(int_result(method, BEGET_CALL(writes_both, BEGET_OUT(&n), BEGET_OUT(&n))), 1);
	assert_int_equal(n, 2);
}

static int copies(int *out, const int *in)
{
	*out = *in + 1;
	return *in;
}

static void in_and_out_at_once(enum beget_method method)
{
	int n = 41;

	assert_int_equal(int_result(method, BEGET_CALL(copies, BEGET_OUT(&n), BEGET_IN(&n))), 41);
	assert_int_equal(n, 42);
}

/* Bytes beyond those in the message belong to the target too. */
static int writes_to_its_bytes(struct beget_bytes b)
{
	unsigned char *p = (unsigned char *)b.data;

	if (!is_all(p, b.size, 'b') || (uintptr_t)p % 64)
		return -1;
	memset(p, 'c', b.size);
	return is_all(p, b.size, 'c');
}

static void bytes_are_the_targets(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		unsigned char *p = aligned_alloc(64, (sizes[i] + 63) & ~(size_t)63);
		memset(p, 'b', sizes[i]);
		assert_int_equal(int_result(method, BEGET_CALL(writes_to_its_bytes, BEGET_BYTES(p, sizes[i]))), 1);
		assert_true(is_all(p, sizes[i], 'b'));
		free(p);
	}
}

static struct beget_bytes large_bytes(size_t n)
{
	char *p = malloc(n);

	if (p)
		memset(p, 'l', n);
	return (struct beget_bytes){p, n};
}

static void bytes_belong_to_the_handle(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		struct beget_bytes a = {NULL, 0}, b = {NULL, 0};
		struct beget_process *p = returned(method, BEGET_CALL(large_bytes, sizes[i]));
		assert_int_equal(beget_result(p, &a), 0);
		assert_int_equal(beget_result(p, &b), 0);
		assert_ptr_equal(a.data, b.data);
		assert_int_equal(a.size, sizes[i]);
		assert_true(is_all(a.data, a.size, 'l'));
		beget_free(p);
	}
}

/* The file system of memory files is full or cannot be used: everything is sent in packets. */
static void without_files(enum beget_method method)
{
	enum { LARGE = 1 << 20 };
	struct rlimit limit, none;
	unsigned char *p = malloc(LARGE);

	not_under_valgrind("what it prints itself would be too large");
	memset(p, 1, LARGE);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	struct beget_process *a = NULL, *b = NULL;
	int started = beget_start(&a, BEGET_OPTIONS(.method = method),
	                          BEGET_CALL(adds, BEGET_INOUT(p, LARGE), (size_t)LARGE, 4));
	int joined = a ? beget_join(a, 30000, NULL) : -1;
	int again = beget_start(&b, BEGET_OPTIONS(.method = method),
	                        BEGET_CALL(writes_to_its_bytes, BEGET_BYTES(p, LARGE)));
	int joined_again = b ? beget_join(b, 30000, NULL) : -1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(started == 0 && joined == 0 && again == 0 && joined_again == 0);
	assert_true(is_all(p, LARGE, 5));
	expect_exit(a, 0);
	expect_exit(b, 0);
	free(p);
}

/* A target that sends outputs on the channel that do not match its call. */

static int sends(int what, int *n)
{
	static long wide = 77;
	static int other = 78;
	static int *places[] = {&other, &other};
	static const long *wide_place = &wide;
	struct beget_arg outs[2] = {
		{.type = BEGET_TYPE_OBJECT, .flags = BEGET_ARG_OUT, .size = sizeof(int), .value = &places[0]},
		{.type = BEGET_TYPE_OBJECT, .flags = BEGET_ARG_OUT, .size = sizeof(int), .value = &places[1]},
	};
	struct beget_call call = {.result = BEGET_TYPE_INT, .n = 1, .args = outs};
	union beget__value value = {.i = 66};

	*n = 5;
	if (what == 0)
		call.n = 0; /* fewer than promised */
	else if (what == 1)
		call.n = 2; /* more than promised */
	else if (what == 2)
		outs[0].size = sizeof(long), outs[0].value = &wide_place; /* larger */
	else if (what == 3)
		outs[0].size = 1; /* smaller */
	else if (what == 4)
		call.result = BEGET_TYPE_UINT;
	beget__order_send_result(BEGET__FD_ASIDE, 0, &call, &value);
	return 5;
}

static void only_what_was_promised_is_believed(enum beget_method method)
{
	for (int what = 0; what < 6; what++) {
		int n[3] = {1, 2, 3};
		int expected = what < 5 ? 5 : 66; /* the last message is valid */
		assert_int_equal(int_result(method, BEGET_CALL(sends, what, BEGET_OUT(&n[1]))), expected);
		assert_true(n[0] == 1 && n[2] == 3);
		assert_int_equal(n[1], what < 5 ? 5 : 78);
	}
}

int main(int argc, char **argv)
{
	enum { FRESH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN) };
	static const struct behaviour table[] = {
		BEHAVIOUR(of_no_bytes),
		BEHAVIOUR(aligned_as_by_malloc),
		BEHAVIOUR(each_size_comes_out),
		BEHAVIOUR(each_size_goes_and_comes),
		BEHAVIOUR(several),
		BEHAVIOUR(beside_each_result),
		BEHAVIOUR(null_stays_null),
		BEHAVIOUR(a_bad_end_changes_nothing),
		BEHAVIOUR(a_bad_end_changes_no_shared_memory),
		BEHAVIOUR_OF(an_unknown_end_changes_nothing, BY(BEGET_FORK)),
		BEHAVIOUR(killed_by_the_caller),
		BEHAVIOUR(no_room),
		BEHAVIOUR(nothing_before_the_join),
		BEHAVIOUR(only_once),
		BEHAVIOUR(joined_by_threads),
		BEHAVIOUR(freed_without_a_join),
		BEHAVIOUR(the_same_memory_twice),
		BEHAVIOUR(in_and_out_at_once),
		BEHAVIOUR(bytes_are_the_targets),
		BEHAVIOUR(bytes_belong_to_the_handle),
		BEHAVIOUR(without_files),
		BEHAVIOUR_OF(only_what_was_promised_is_believed, FRESH),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
