/* Arguments and results: every type at its extremes and strings and bytes of every size arrive unchanged, including
 * NULL and empty ones, and objects keep their alignment. */
#include "harness.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Scalars: each is sent in both directions, and the child checks what it gets. */

#define SCALAR(name, type)                                                                                             \
	static type same_##name(type x)                                                                                \
	{                                                                                                              \
		return x;                                                                                              \
	}                                                                                                              \
	static bool are_##name(type x, const type *expected)                                                           \
	{                                                                                                              \
		return memcmp(&x, expected, sizeof(x)) == 0;                                                           \
	}                                                                                                              \
	static void check_##name(enum beget_method method, type x)                                                     \
	{                                                                                                              \
		type back;                                                                                             \
		bool seen = false;                                                                                     \
		memset(&back, 0x5a, sizeof(back));                                                                     \
		struct beget_process *p = start(method, BEGET_CALL(same_##name, x));                                   \
		assert_int_equal(beget_join(p, 10000, NULL), 0);                                                       \
		assert_int_equal(beget_result(p, &back), 0);                                                           \
		assert_memory_equal(&back, &x, sizeof(x));                                                             \
		beget_free(p);                                                                                         \
		const type ended[2] = {x, 0}; /* a pointer to char is a string */                                      \
		p = start(method, BEGET_CALL(are_##name, x, ended));                                                   \
		assert_int_equal(beget_join(p, 10000, NULL), 0);                                                       \
		assert_int_equal(beget_result(p, &seen), 0);                                                           \
		assert_true(seen);                                                                                     \
		beget_free(p);                                                                                         \
	}

SCALAR(bool, bool)
SCALAR(char, char)
SCALAR(schar, signed char)
SCALAR(uchar, unsigned char)
SCALAR(short, short)
SCALAR(ushort, unsigned short)
SCALAR(int, int)
SCALAR(uint, unsigned)
SCALAR(long, long)
SCALAR(ulong, unsigned long)
SCALAR(llong, long long)
SCALAR(ullong, unsigned long long)
SCALAR(float, float)
SCALAR(double, double)

static void narrow_numbers(enum beget_method method)
{
	check_bool(method, false);
	check_bool(method, true);
	check_char(method, CHAR_MIN);
	check_char(method, CHAR_MAX);
	check_schar(method, SCHAR_MIN);
	check_schar(method, -1);
	check_uchar(method, UCHAR_MAX);
	check_short(method, SHRT_MIN);
	check_short(method, SHRT_MAX);
	check_ushort(method, USHRT_MAX);
}

static void wide_numbers(enum beget_method method)
{
	check_int(method, INT_MIN);
	check_int(method, INT_MAX);
	check_uint(method, UINT_MAX);
	check_long(method, LONG_MIN);
	check_long(method, LONG_MAX);
	check_ulong(method, ULONG_MAX);
	check_llong(method, LLONG_MIN);
	check_llong(method, LLONG_MAX);
	check_ullong(method, ULLONG_MAX);
}

static void real_numbers(enum beget_method method)
{
	check_float(method, FLT_MAX);
	check_float(method, -FLT_MIN);
	check_float(method, -0.0f);
	check_float(method, INFINITY);
	check_double(method, -DBL_MAX);
	check_double(method, DBL_TRUE_MIN);
	check_double(method, -INFINITY);
	check_double(method, (double)NAN);
}

/* No arguments, and many. */

static int seven(void)
{
	return 7;
}

static void no_argument(enum beget_method method)
{
	assert_int_equal(int_result(method, BEGET_CALL(seven)), 7);
}

struct pair {
	int a;
	double b;
};

/* A bit for each argument that is right. */
static int ten(bool a, signed char b, unsigned short c, float d, const char *e, const struct pair *f,
               struct beget_bytes g, long long h, double i, struct beget_fd j)
{
	char byte = 0;

	return a << 0 | (b == -2) << 1 | (c == 65533) << 2 | (d == 0.5f) << 3 | (strcmp(e, "five") == 0) << 4 |
	       (f->a == 6 && f->b == 6.5) << 5 | (g.size == 2 && memcmp(g.data, "\0g", 2) == 0) << 6 |
	       (h == -LLONG_MAX) << 7 | (i == 1e300) << 8 | (read(j.fd, &byte, 1) == 1 && byte == 'j') << 9;
}

static void ten_arguments(enum beget_method method)
{
	struct pair f = {6, 6.5};
	int pipe_[2];

	assert_int_equal(pipe(pipe_), 0);
	assert_int_equal(write(pipe_[1], "j", 1), 1);
	assert_int_equal(
		int_result(method, BEGET_CALL(ten, (bool)true, (signed char)-2, (unsigned short)65533, 0.5f, "five", &f,
	                                      BEGET_BYTES("\0g", 2), -LLONG_MAX, 1e300, BEGET_FD(pipe_[0]))),
		0x3ff);
	close(pipe_[0]);
	close(pipe_[1]);
}

/* clang-format off */
#define TEN(x) int x##0, int x##1, int x##2, int x##3, int x##4, int x##5, int x##6, int x##7, int x##8, int x##9
#define NAMES(x) x##0, x##1, x##2, x##3, x##4, x##5, x##6, x##7, x##8, x##9
/* clang-format on */

static int hundred(TEN(a), TEN(b), TEN(c), TEN(d), TEN(e), TEN(f), TEN(g), TEN(h), TEN(i), TEN(j))
{
	const int all[] = {NAMES(a), NAMES(b), NAMES(c), NAMES(d), NAMES(e),
	                   NAMES(f), NAMES(g), NAMES(h), NAMES(i), NAMES(j)};

	for (int n = 0; n < 100; n++)
		if (all[n] != n * n)
			return n;
	return 100;
}

static void a_hundred_arguments(enum beget_method method)
{
	struct beget_arg args[100];
	int values[100];

	for (int n = 0; n < 100; n++) {
		values[n] = n * n;
		args[n] = (struct beget_arg){.type = BEGET_TYPE_INT, .value = &values[n]};
	}
	struct beget_call call = {
		.function = (void (*)(void))hundred, .result = BEGET_TYPE_INT, .n = 100, .args = args};
	assert_int_equal(int_result(method, &call), 100);
}

/* Pointers: strings, objects, arrays, NULL. */

static int which_are_null(const char *s, const struct pair *object, const int *array, struct beget_bytes bytes)
{
	return !s << 0 | !object << 1 | !array << 2 | !bytes.data << 3 | (bytes.size == 0) << 4;
}

static void null_is_not_empty(enum beget_method method)
{
	struct pair object = {0, 0};
	int array[1] = {0};

	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, (const char *)NULL, (const struct pair *)NULL,
	                                               BEGET_NULL(const int *), BEGET_BYTES(NULL, 0))),
	                 31);
	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, "", &object, array, BEGET_BYTES("", 0))), 16);
}

static int sum_of_five(const int *n)
{
	return n[0] + 2 * n[1] + 3 * n[2] + 4 * n[3] + 5 * n[4];
}

static void a_whole_array(enum beget_method method)
{
	const int n[5] = {1, 10, 100, 1000, 10000};

	assert_int_equal(int_result(method, BEGET_CALL(sum_of_five, n)), 54321);
}

struct line {
	_Alignas(64) char text[64];
};
struct page {
	_Alignas(4096) char text[4096];
};
enum { PAGES = 40 };

static int misaligned(char a, const struct line *line, const char *b, const struct page *page, const double *number)
{
	return (a != 'a' || strcmp(b, "b") != 0) << 0 | ((uintptr_t)line % 64 != 0) << 1 |
	       ((uintptr_t)page % 4096 != 0) << 2 | ((uintptr_t)number % sizeof(*number) != 0) << 3 |
	       (strcmp(line->text, "line") != 0) << 4 | (strcmp(page->text, "page") != 0) << 5;
}

static int misaligned_pages(const char *first, const struct page *pages)
{
	return (strcmp(first, "first") != 0) << 0 | ((uintptr_t)pages % 4096 != 0) << 1 |
	       (strcmp(pages[PAGES - 1].text, "last") != 0) << 2;
}

static void objects_are_aligned(enum beget_method method)
{
	static struct line line = {"line"};
	static struct page page = {"page"}, pages[PAGES];
	double number = 0;

	strcpy(pages[PAGES - 1].text, "last");
	assert_int_equal(int_result(method, BEGET_CALL(misaligned, (char)'a', &line, "b", &page, BEGET_IN(&number))),
	                 0);
	assert_int_equal(int_result(method, BEGET_CALL(misaligned_pages, "first", pages)), 0);
}

static void bump(struct pair *p)
{
	p->a++;
}

static int writes_its_copy(const struct pair *object)
{
	bump((struct pair *)object);
	return object->a;
}

static void the_original_is_untouched(enum beget_method method)
{
	struct pair object = {41, 0};

	assert_int_equal(int_result(method, BEGET_CALL(writes_its_copy, &object)), 42);
	assert_int_equal(object.a, 41);
}

/* Sizes: strings and bytes of each are sent in both directions. */

static const size_t sizes[] = {0,     1,     2,     4095,  4096,  4097,   8100,    8192,
                               65400, 65500, 65535, 65536, 65537, 204800, 1048576, 16777216};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

/* Never zero, and different at different positions of a block. */
static unsigned char byte_at(size_t i)
{
	return (unsigned char)(1 + (i * 7 + (i >> 8) * 13 + (i >> 16)) % 255);
}

static char *pattern(size_t size)
{
	unsigned char *p = malloc(size + 1);

	if (!p)
		abort();
	for (size_t i = 0; i < size; i++)
		p[i] = byte_at(i);
	p[size] = '\0';
	return (char *)p;
}

static bool is_pattern(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)p[i] != byte_at(i))
			return false;
	return true;
}

static struct beget_bytes bytes_back(struct beget_bytes b)
{
	if (b.data && is_pattern(b.data, b.size))
		return b;
	return (struct beget_bytes){NULL, 0};
}

static const char *string_back(const char *s)
{
	return is_pattern(s, strlen(s)) ? s : NULL;
}

static void expect_bytes_back(enum beget_method method, size_t size)
{
	char *data = pattern(size);
	struct beget_bytes back = {NULL, 0};
	struct beget_process *p = start(method, BEGET_CALL(bytes_back, BEGET_BYTES(data, size)));

	memset(data, 0, size + 1); /* it has been copied */
	assert_int_equal(beget_join(p, 30000, NULL), 0);
	assert_int_equal(beget_result(p, &back), 0);
	assert_non_null(back.data);
	assert_int_equal(back.size, size);
	assert_true(is_pattern(back.data, size));
	beget_free(p);
	free(data);
}

static void bytes_of_each_size(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++)
		expect_bytes_back(method, sizes[i]);
}

/* The bytes of all strings, plus one each; -1: NULL. */
static int length_of(char *const *strings)
{
	int total = 0;

	if (!strings)
		return -1;
	for (; *strings; strings++)
		total += (int)strlen(*strings) + 1;
	return total;
}

static int length_of_const(const char *const strings[])
{
	return length_of((char *const *)strings);
}

/* A program's main may change its vector and the strings. */
static int main_like(int argc, char **argv)
{
	argv[0][0] = 'x';
	argv[1] = argv[0];
	return argc * 100 + length_of(argv);
}

static void vectors_of_strings(enum beget_method method)
{
	char first[] = "first", second[] = "2nd";
	char *argv[] = {first, second, NULL}, **many = calloc(20001, sizeof(*many));
	const char *const constant[] = {"one", "", "three", NULL}, *const none[] = {NULL};

	for (int i = 0; i < 20000; i++)
		many[i] = first;
	assert_int_equal(int_result(method, BEGET_CALL(length_of, argv)), 10);
	assert_int_equal(int_result(method, BEGET_CALL(length_of, argv + 1)), 4);
	assert_int_equal(int_result(method, BEGET_CALL(length_of, many)), 20000 * 6);
	assert_int_equal(int_result(method, BEGET_CALL(length_of_const, constant)), 11);
	assert_int_equal(int_result(method, BEGET_CALL(length_of_const, none)), 0);
	assert_int_equal(int_result(method, BEGET_CALL(length_of, (char **)NULL)), -1);
	assert_int_equal(int_result(method, BEGET_CALL(main_like, 2, BEGET_STRINGS(argv))), 212);
	assert_string_equal(argv[0], "first");
	assert_ptr_equal(argv[1], second);
	free(many);
}

static void strings_of_each_size(enum beget_method method)
{
	for (int i = 0; i < SIZES && sizes[i] <= 1048576; i++) {
		char *s = pattern(sizes[i]);
		const char *back = NULL;
		struct beget_process *p = start(method, BEGET_CALL(string_back, s));
		memset(s, 0, sizes[i]);
		assert_int_equal(beget_join(p, 30000, NULL), 0);
		assert_int_equal(beget_result(p, &back), 0);
		assert_non_null(back);
		assert_int_equal(strlen(back), sizes[i]);
		assert_true(is_pattern(back, sizes[i]));
		beget_free(p);
		free(s);
	}
}

static int sizes_of(const char *a, struct beget_bytes b, const char *c, struct beget_bytes d)
{
	return is_pattern(a, strlen(a)) << 0 | (b.size == 4096 && is_pattern(b.data, 4096)) << 1 |
	       (strlen(c) == 65537 && is_pattern(c, 65537)) << 2 | (d.size == 3 && is_pattern(d.data, 3)) << 3;
}

static void large_between_small(enum beget_method method)
{
	char *a = pattern(5), *c = pattern(65537);

	assert_int_equal(int_result(method, BEGET_CALL(sizes_of, a, BEGET_BYTES(c, 4096), c, BEGET_BYTES(c, 3))), 15);
	free(a);
	free(c);
}

/* NULL and empty results. */

static const char *null_string(void)
{
	return NULL;
}

static struct beget_bytes null_bytes(void)
{
	return (struct beget_bytes){NULL, 0};
}

static char *heap_string(void)
{
	return pattern(10);
}

static void nothing(void)
{
}

static void results_that_are_null(enum beget_method method)
{
	const char *s = "set";
	struct beget_bytes b = {"set", 3};
	struct beget_process *p = start(method, BEGET_CALL(null_string));

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &s), 0);
	assert_null(s);
	beget_free(p);
	p = start(method, BEGET_CALL(null_bytes));
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &b), 0);
	assert_null(b.data);
	assert_int_equal(b.size, 0);
	beget_free(p);
}

static void a_result_that_is_not_const(enum beget_method method)
{
	const char *s = NULL;
	struct beget_process *p = start(method, BEGET_CALL(heap_string));

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &s), 0);
	assert_true(strlen(s) == 10 && is_pattern(s, 10));
	beget_free(p);
}

static void no_result(enum beget_method method)
{
	int value = 5;
	struct beget_process *p = start(method, BEGET_CALL(nothing));

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &value), -ENODATA);
	assert_int_equal(value, 5);
	beget_free(p);
}

/* The address itself. */

static int reads_raw(void *p)
{
	return *(int *)p;
}

static void a_raw_pointer(enum beget_method method)
{
	int value = 99;
	void *pointer = &value;
	struct beget_arg arg = {.type = BEGET_TYPE_RAW, .value = &pointer};
	struct beget_call call = {
		.function = (void (*)(void))reads_raw, .result = BEGET_TYPE_INT, .n = 1, .args = &arg};
	struct beget_process *p = NULL;

	if (method == BEGET_FORK) {
		assert_int_equal(int_result(method, &call), 99);
		return;
	}
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.method = method), &call), -EOPNOTSUPP);
	assert_non_null(strstr(beget_error(), "argument 1"));
	assert_null(p);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(narrow_numbers),
		BEHAVIOUR(wide_numbers),
		BEHAVIOUR(real_numbers),
		BEHAVIOUR(no_argument),
		BEHAVIOUR(ten_arguments),
		BEHAVIOUR(a_hundred_arguments),
		BEHAVIOUR(null_is_not_empty),
		BEHAVIOUR(a_whole_array),
		BEHAVIOUR(objects_are_aligned),
		BEHAVIOUR(the_original_is_untouched),
		BEHAVIOUR(bytes_of_each_size),
		BEHAVIOUR(strings_of_each_size),
		BEHAVIOUR(vectors_of_strings),
		BEHAVIOUR(large_between_small),
		BEHAVIOUR(results_that_are_null),
		BEHAVIOUR(a_result_that_is_not_const),
		BEHAVIOUR(no_result),
		BEHAVIOUR(a_raw_pointer),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
