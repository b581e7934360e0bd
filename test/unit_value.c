/* Typed values: every type is read as it was written, aligned as it must be; false bytes are detected, wherever they
 * are truncated and whatever they claim. */
#include "harness.h"
#include "call/type.h"
#include "call/value.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct message {
	struct beget__writer w;
	char *bytes;
	size_t size;
};

static void finish(struct message *m)
{
	const struct iovec *iov = NULL;
	int n = beget__bytes_finish(&m->w, &iov);
	size_t room = (m->w.total + 2 * BEGET__ALIGN_MAX - 1) & ~(size_t)(BEGET__ALIGN_MAX - 1);

	assert_true(n >= 0);
	m->bytes = aligned_alloc(BEGET__ALIGN_MAX, room);
	m->size = 0;
	for (int i = 0; i < n; i++) {
		memcpy(m->bytes + m->size, iov[i].iov_base, iov[i].iov_len);
		m->size += iov[i].iov_len;
	}
	beget__bytes_free(&m->w);
}

static void pack(struct message *m, const struct beget_arg *arg, struct beget__fds *fds)
{
	memset(m, 0, sizeof(*m));
	assert_int_equal(beget__value_put(&m->w, arg, fds, false), 0);
	finish(m);
}

/* An argument without flags. */
static bool get(struct beget__reader *r, unsigned type, size_t *size, struct beget__fds *fds, union beget__value *ret)
{
	struct beget_arg arg = {.type = type};
	bool good = beget__value_get(r, &arg, fds, NULL, ret);

	*size = arg.size;
	return good;
}

static bool unpack(const struct message *m, unsigned type, size_t *size, struct beget__fds *fds,
                   union beget__value *ret)
{
	struct beget__reader r = {m->bytes, 0, m->size, false};

	bool good = get(&r, type, size, fds, ret);
	assert_int_equal(good, !r.bad);
	return good && r.at == r.size;
}

/* Bytes that are truncated anywhere are bad, and nothing after their end is read. */
static void expect_cuts_are_bad(const struct message *m, unsigned type)
{
	for (size_t size = 0; size < m->size; size++) {
		int one = 5;
		struct beget__fds fds = {&one, 1, 1};
		char *exact = malloc(size + 1); /* the sanitizers and valgrind check accesses past its end */
		memcpy(exact, m->bytes, size);
		struct beget__reader r = {exact, 0, size, false};
		union beget__value value;
		size_t n;
		assert_false(get(&r, type, &n, &fds, &value));
		free(exact);
	}
}

static void scalar(unsigned type, const void *value, size_t size)
{
	struct message m;
	union beget__value back;
	size_t ignored;

	assert_int_equal(beget__type_of(type)->size, size);
	pack(&m, &(struct beget_arg){.type = type, .value = value}, NULL);
	assert_int_equal(m.size, size);
	assert_true(unpack(&m, type, &ignored, NULL, &back));
	assert_memory_equal(&back, value, size);
	expect_cuts_are_bad(&m, type);
	free(m.bytes);
}
#define SCALAR(type, c_type, ...)                                                                                      \
	for (size_t i_ = 0; i_ < sizeof((c_type[]){__VA_ARGS__}) / sizeof(c_type); i_++)                               \
	scalar(type, &(c_type[]){__VA_ARGS__}[i_], sizeof(c_type))

static void scalars(void)
{
	SCALAR(BEGET_TYPE_BOOL, bool, false, true);
	SCALAR(BEGET_TYPE_CHAR, char, CHAR_MIN, CHAR_MAX, 'x');
	SCALAR(BEGET_TYPE_SCHAR, signed char, SCHAR_MIN, SCHAR_MAX);
	SCALAR(BEGET_TYPE_UCHAR, unsigned char, 0, UCHAR_MAX);
	SCALAR(BEGET_TYPE_SHORT, short, SHRT_MIN, SHRT_MAX);
	SCALAR(BEGET_TYPE_USHORT, unsigned short, 0, USHRT_MAX);
	SCALAR(BEGET_TYPE_INT, int, INT_MIN, INT_MAX);
	SCALAR(BEGET_TYPE_UINT, unsigned, 0, UINT_MAX);
	SCALAR(BEGET_TYPE_LONG, long, LONG_MIN, LONG_MAX);
	SCALAR(BEGET_TYPE_ULONG, unsigned long, 0, ULONG_MAX);
	SCALAR(BEGET_TYPE_LLONG, long long, LLONG_MIN, LLONG_MAX);
	SCALAR(BEGET_TYPE_ULLONG, unsigned long long, 0, ULLONG_MAX);
	SCALAR(BEGET_TYPE_FLOAT, float, FLT_MIN, FLT_MAX, -0.0f);
	SCALAR(BEGET_TYPE_DOUBLE, double, DBL_MIN, DBL_MAX, -0.0);
}

static void strings(void)
{
	char large[10000];
	const char *const texts[] = {"", "a", "\xff\xfe", large};
	struct message m;
	union beget__value back;
	size_t size;

	memset(large, 'l', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		pack(&m, &(struct beget_arg){.type = BEGET_TYPE_STRING, .value = &texts[i]}, NULL);
		assert_true(unpack(&m, BEGET_TYPE_STRING, &size, NULL, &back));
		assert_string_equal(back.pointer, texts[i]);
		assert_true((const char *)back.pointer >= m.bytes && (const char *)back.pointer < m.bytes + m.size);
		if (m.size < 100)
			expect_cuts_are_bad(&m, BEGET_TYPE_STRING);
		free(m.bytes);
	}
	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_STRING, .value = &(const char *){NULL}}, NULL);
	assert_true(unpack(&m, BEGET_TYPE_STRING, &size, NULL, &back));
	assert_null(back.pointer);
	free(m.bytes);
}

/* Reads the first size bytes of a message as strings and expects n of them; -1: these bytes are bad, -2: NULL. */
static void expect_strings(const char *bytes, size_t size, char *const *strings, int n)
{
	char *exact = malloc(size + 1); /* the sanitizers and valgrind check accesses past its end */
	struct beget__reader r = {exact, 0, size, false};
	struct beget__arena arena = {0};
	struct beget_arg arg = {.type = BEGET_TYPE_STRINGS};
	union beget__value back;

	memcpy(exact, bytes, size);
	assert_int_equal(beget__value_get(&r, &arg, NULL, &arena, &back), n != -1);
	char *const *got = back.pointer;
	if (n != -1)
		assert_int_equal(got != NULL, n >= 0);
	for (int i = 0; i < n; i++)
		assert_string_equal(got[i], strings[i]);
	if (n >= 0)
		assert_null(got[n]);
	beget__arena_free(&arena);
	free(exact);
}

static void vectors_of_strings(void)
{
	char *const strings[] = {"one", "", "three", NULL};
	char *const *vector = strings;
	struct message m;

	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_STRINGS, .value = &vector}, NULL);
	expect_strings(m.bytes, m.size, strings, 3);
	for (size_t size = 0; size < m.size; size++)
		expect_strings(m.bytes, size, NULL, -1);
	m.bytes[0] = 0; /* strings, but no vector */
	expect_strings(m.bytes, m.size, NULL, -1);
	m.bytes[0] = 1;
	memset(m.bytes + 4, 0xff, 8); /* more strings than there is memory */
	expect_strings(m.bytes, m.size, NULL, -1);
	memset(m.bytes + 4, 0, m.size - 4);
	m.bytes[4] = 1; /* one of them is NULL */
	expect_strings(m.bytes, m.size, NULL, -1);
	free(m.bytes);

	vector = &strings[3];
	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_STRINGS, .value = &vector}, NULL);
	expect_strings(m.bytes, m.size, strings, 0);
	free(m.bytes);
	vector = NULL;
	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_STRINGS, .value = &vector}, NULL);
	expect_strings(m.bytes, m.size, NULL, -2);
	free(m.bytes);
}

/* After an odd byte, each object is aligned as its type requires. */
static void objects(void)
{
	static const size_t sizes[] = {1, 2, 3, 4, 8, 12, 16, 24, 32, 48, 64, 100, 128, 4096, 8192, 12288, 100000};
	char *data = malloc(100000);
	const void *pointer = data;

	for (size_t i = 0; i < 100000; i++)
		data[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct message m = {0};
		union beget__value back;
		size_t size;
		beget__bytes_put(&m.w, "x", 1);
		beget__value_put(&m.w,
		                 &(struct beget_arg){.type = BEGET_TYPE_OBJECT, .size = sizes[i], .value = &pointer},
		                 NULL, false);
		finish(&m);
		struct beget__reader r = {m.bytes, 1, m.size, false};
		assert_true(get(&r, BEGET_TYPE_OBJECT, &size, NULL, &back));
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(back.pointer, data, size);
		assert_int_equal((uintptr_t)back.pointer % beget__value_align(size), 0);
		assert_int_equal(r.at, r.size);
		free(m.bytes);
	}
	free(data);
}

static void no_object(void)
{
	struct message m;
	union beget__value back;
	size_t size;

	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_OBJECT, .size = 16, .value = &(const void *){NULL}}, NULL);
	assert_true(unpack(&m, BEGET_TYPE_OBJECT, &size, NULL, &back));
	assert_null(back.pointer);
	expect_cuts_are_bad(&m, BEGET_TYPE_OBJECT);
	free(m.bytes);
	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_OBJECT, .size = 3, .value = &(const void *){"ab"}}, NULL);
	expect_cuts_are_bad(&m, BEGET_TYPE_OBJECT);
	free(m.bytes);
}

static void bytes(void)
{
	static char data[70000] = "run of bytes";
	static const struct beget_bytes runs[] = {{data, 1}, {data, 64}, {data, 5000}, {data, sizeof(data)}};
	struct message m;
	union beget__value back;
	size_t size;

	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		pack(&m, &(struct beget_arg){.type = BEGET_TYPE_BYTES, .value = &runs[i]}, NULL);
		assert_true(unpack(&m, BEGET_TYPE_BYTES, &size, NULL, &back));
		assert_int_equal(back.bytes.size, runs[i].size);
		assert_memory_equal(back.bytes.data, data, runs[i].size);
		assert_int_equal((uintptr_t)back.bytes.data % 64, 0);
		if (m.size < 200)
			expect_cuts_are_bad(&m, BEGET_TYPE_BYTES);
		free(m.bytes);
	}
}

/* NULL and an empty run of bytes are different. */
static void empty_bytes(void)
{
	static const struct beget_bytes none = {NULL, 0}, empty = {"x", 0};
	struct message m;
	union beget__value back;
	size_t size;

	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_BYTES, .value = &none}, NULL);
	assert_true(unpack(&m, BEGET_TYPE_BYTES, &size, NULL, &back));
	assert_null(back.bytes.data);
	assert_int_equal(back.bytes.size, 0);
	free(m.bytes);
	pack(&m, &(struct beget_arg){.type = BEGET_TYPE_BYTES, .value = &empty}, NULL);
	assert_true(unpack(&m, BEGET_TYPE_BYTES, &size, NULL, &back));
	assert_non_null(back.bytes.data);
	assert_int_equal(back.bytes.size, 0);
	expect_cuts_are_bad(&m, BEGET_TYPE_BYTES);
	free(m.bytes);
}

static void descriptors(void)
{
	int sent[2], received[2] = {50, 51};
	struct beget__fds fds = {sent, 0, 2}, got = {received, 2, 2};
	struct beget_arg arg = {.type = BEGET_TYPE_FD, .value = &(struct beget_fd){7}};
	struct beget__reader r;
	struct message m = {0};
	union beget__value back;
	size_t size;

	assert_int_equal(beget__value_put(&m.w, &arg, &fds, false), 0);
	arg.value = &(struct beget_fd){8};
	assert_int_equal(beget__value_put(&m.w, &arg, &fds, false), 0);
	assert_int_equal(beget__value_put(&m.w, &arg, &fds, false), -EMSGSIZE);
	assert_int_equal(fds.n, 2);
	assert_int_equal(sent[0], 7);
	assert_int_equal(sent[1], 8);
	finish(&m);
	r = (struct beget__reader){m.bytes, 0, m.size, false};
	for (int i = 0; i < 2; i++) {
		assert_true(get(&r, BEGET_TYPE_FD, &size, &got, &back));
		assert_int_equal(back.fd.fd, 50 + i);
		assert_int_equal(received[i], -1);
	}
	r = (struct beget__reader){m.bytes, 0, m.size, false};
	assert_false(get(&r, BEGET_TYPE_FD, &size, &got, &back)); /* twice */
	free(m.bytes);
}

static void descriptors_that_lie(void)
{
	static const uint32_t lies[] = {1, 2, 0x7fffffff, 0x80000000u, UINT32_MAX};
	int one = 5;
	struct beget__fds fds = {&one, 1, 1};
	union beget__value back;
	size_t size;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct beget__reader r = {(const char *)&lies[i], 0, sizeof(lies[i]), false};
		assert_false(get(&r, BEGET_TYPE_FD, &size, &fds, &back));
	}
	uint32_t first = 0;
	struct beget__reader r = {(const char *)&first, 0, sizeof(first), false};
	assert_false(get(&r, BEGET_TYPE_FD, &size, NULL, &back)); /* in a result */
	assert_int_equal(one, 5);
}

struct run {
	uint64_t size;
	uint32_t present;
	char padding[4];
	char bytes[64];
};

static bool reads_run(unsigned type, const void *message, size_t length)
{
	char *aligned = aligned_alloc(BEGET__ALIGN_MAX, BEGET__ALIGN_MAX);
	union beget__value back;
	size_t size;

	memcpy(aligned, message, length);
	struct beget__reader r = {aligned, 0, length, false};
	bool good = get(&r, type, &size, NULL, &back);
	free(aligned);
	return good;
}

static void runs_that_lie(void)
{
	struct run truth = {.size = 4, .present = 1}, lie;
	struct {
		uint64_t size;
		struct run run;
	} object = {4, {.size = 4, .present = 1}};

	/* 64 bytes of head and padding, then up to 16 of body */
	assert_true(reads_run(BEGET_TYPE_BYTES, &truth, sizeof(truth)));
	lie = truth, lie.present = 2;
	assert_false(reads_run(BEGET_TYPE_BYTES, &lie, sizeof(lie)));
	lie = truth, lie.present = 0;
	assert_false(reads_run(BEGET_TYPE_BYTES, &lie, sizeof(lie)));
	for (int shift = 5; shift < 64; shift++) {
		lie = truth, lie.size = UINT64_C(1) << shift;
		assert_false(reads_run(BEGET_TYPE_BYTES, &lie, sizeof(lie)));
	}
	lie = truth, lie.size = UINT64_MAX;
	assert_false(reads_run(BEGET_TYPE_BYTES, &lie, sizeof(lie)));
	assert_true(reads_run(BEGET_TYPE_OBJECT, &object, sizeof(object)));
	object.size = 8; /* the type's object is larger than the one that was sent */
	assert_false(reads_run(BEGET_TYPE_OBJECT, &object, sizeof(object)));
	object.size = UINT64_MAX;
	assert_false(reads_run(BEGET_TYPE_OBJECT, &object, sizeof(object)));
}

/* The counts in a layout determine how much memory is allocated: as many entries must be there. */
static void layouts_that_claim_more(void)
{
	const struct beget_member member = {.type = BEGET_TYPE_CHAR};
	const struct beget_layout layout = {1, 1, 1, &member};
	const struct beget_arg arg = {.type = BEGET_TYPE_STRUCT, .size = 1, .value = "x", .layout = &layout};

	for (int more = 0; more < 3; more++) {
		struct beget_arg back = {.type = BEGET_TYPE_STRUCT};
		union beget__value value;
		struct message m;
		pack(&m, &arg, NULL);
		m.bytes = realloc(m.bytes, m.size + 64); /* room for what it claims */
		memset(m.bytes + m.size, 0, 64);
		m.bytes[0] = (char)(m.bytes[0] + (more == 1)); /* layouts */
		m.bytes[4] = (char)(m.bytes[4] + (more == 2)); /* members */
		struct beget__reader r = {m.bytes, 0, m.size + 64, false};
		struct beget__arena arena = {0};
		assert_int_equal(beget__value_get(&r, &back, NULL, &arena, &value), more == 0);
		beget__arena_free(&arena);
		free(m.bytes);
	}
}

static void bytes_that_are_no_bool(void)
{
	union beget__value back;
	size_t size;

	for (int byte = 0; byte < 256; byte++) {
		char message[1] = {(char)byte};
		struct beget__reader r = {message, 0, 1, false};
		assert_int_equal(get(&r, BEGET_TYPE_BOOL, &size, NULL, &back), byte < 2);
	}
}

static void what_is_no_type(void)
{
	static const unsigned types[] = {BEGET_TYPE_STRINGS + 1, 255, 1000, UINT_MAX};
	static const char zeros[64];
	union beget__value back;
	size_t size;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct beget__reader r = {zeros, 0, sizeof(zeros), false};
		assert_false(get(&r, types[i], &size, NULL, &back));
		assert_int_equal(beget__type_of(types[i])->size, 0);
	}
	struct beget__reader r = {zeros, 0, sizeof(zeros), false};
	assert_true(get(&r, BEGET_TYPE_VOID, &size, NULL, &back));
	assert_int_equal(r.at, 0);
	assert_int_equal(beget__type_of(BEGET_TYPE_VOID)->size, 0);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(scalars),
		UNIT(strings),
		UNIT(vectors_of_strings),
		UNIT(objects),
		UNIT(no_object),
		UNIT(bytes),
		UNIT(empty_bytes),
		UNIT(descriptors),
		UNIT(descriptors_that_lie),
		UNIT(runs_that_lie),
		UNIT(bytes_that_are_no_bool),
		UNIT(layouts_that_claim_more),
		UNIT(what_is_no_type),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
