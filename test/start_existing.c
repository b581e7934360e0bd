/* Functions that were written without beget in mind are called unchanged: of zlib, libm and libc, variadic ones, with
 * structs by value and with functions as arguments. */
#include "harness.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

/* The result of the call, of the type that ret points to. */
#define GET(ret, method, call)                                                                                         \
	do {                                                                                                           \
		struct beget_process *p_ = returned(method, call);                                                     \
		if (beget_result(p_, ret) < 0)                                                                         \
			fail_msg("%s", beget_error());                                                                 \
		beget_free(p_);                                                                                        \
	} while (0)

/* Libraries. */

static void checksums(enum beget_method method)
{
	static const size_t sizes[] = {1, 9, 4096, 65535, 65536, 65537, 1 << 20};
	Bytef *data = malloc(1 << 20);
	uLong sum = 0;

	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (Bytef)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		GET(&sum, method, BEGET_CALL(crc32, 0UL, BEGET_IN(data, sizes[i]), (uInt)sizes[i]));
		assert_int_equal(sum, crc32(0, data, (uInt)sizes[i]));
	}
	GET(&sum, method, BEGET_CALL(crc32, 0UL, BEGET_IN((const Bytef *)"123456789", 9), 9u));
	assert_int_equal(sum, 0xcbf43926);
	GET(&sum, method, BEGET_CALL(crc32, 0UL, BEGET_NULL(const Bytef *), 0u));
	assert_int_equal(sum, 0);
	free(data);
}

static void packs_and_unpacks(enum beget_method method)
{
	enum { ROOM = 300000 };
	Bytef *text = malloc(ROOM), *packed = malloc(ROOM), *back = malloc(ROOM);
	uLongf packed_size = ROOM, back_size = ROOM;
	int error = -1;

	for (size_t i = 0; i < ROOM; i++)
		text[i] = (Bytef)("abcdefghijklmnop"[i % 16] + (int)i / 10000);
	memset(back, 'b', ROOM);
	GET(&error, method,
	    BEGET_CALL(compress2, BEGET_OUT(packed, ROOM), BEGET_INOUT(&packed_size),
	               BEGET_IN((const Bytef *)text, ROOM), (uLong)ROOM, 9));
	assert_int_equal(error, Z_OK);
	assert_in_range(packed_size, 100, ROOM / 10);
	GET(&error, method,
	    BEGET_CALL(uncompress, BEGET_OUT(back, ROOM), BEGET_INOUT(&back_size),
	               BEGET_IN((const Bytef *)packed, packed_size), packed_size));
	assert_int_equal(error, Z_OK);
	assert_int_equal(back_size, ROOM);
	assert_memory_equal(back, text, ROOM);
	packed_size = 10; /* too small: it fails, and reports how far it got */
	GET(&error, method,
	    BEGET_CALL(compress2, BEGET_OUT(packed, 10), BEGET_INOUT(&packed_size), BEGET_IN((const Bytef *)text, ROOM),
	               (uLong)ROOM, 9));
	assert_int_equal(error, Z_BUF_ERROR);
	free(text);
	free(packed);
	free(back);
}

static void mathematics(enum beget_method method)
{
	int exponent = 77;
	double x = 0, whole = 0;
	float f = 0;

	GET(&x, method, BEGET_CALL(frexp, 40.0, BEGET_OUT(&exponent)));
	assert_true(x == 0.625);
	assert_int_equal(exponent, 6);
	GET(&x, method, BEGET_CALL(modf, -2.5, BEGET_OUT(&whole)));
	assert_true(x == -0.5 && whole == -2);
	GET(&x, method, BEGET_CALL(pow, 2.0, 0.5));
	assert_true(x == pow(2.0, 0.5));
	GET(&f, method, BEGET_CALL(fmaf, 2.0f, 3.0f, 0.5f));
	assert_true(f == 6.5f);
	GET(&x, method, BEGET_CALL(ldexp, 0.75, 4));
	assert_true(x == 12);
}

static int upwards(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void sorting(enum beget_method method)
{
	enum { MANY = 50000 };
	int *many = malloc(MANY * sizeof(*many)), few[] = {5, -3, 9, 1};

	beget_free(returned(method,
	                    BEGET_CALL(qsort, BEGET_INOUT((void *)few, sizeof(few)), (size_t)4, sizeof(int), upwards)));
	assert_memory_equal(few, ((int[]){-3, 1, 5, 9}), sizeof(few));
	for (int i = 0; i < MANY; i++)
		many[i] = i * 7919 % MANY;
	beget_free(returned(method, BEGET_CALL(qsort, BEGET_INOUT((void *)many, MANY * sizeof(*many)), (size_t)MANY,
	                                       sizeof(int), upwards)));
	for (int i = 1; i < MANY; i++)
		assert_true(many[i - 1] <= many[i]);
	free(many);
}

static void text(enum beget_method method)
{
	char *end = NULL;
	long n = 0;
	size_t length = 0;
	int i = 0;

	GET(&n, method, BEGET_CALL(strtol, "-1234x", BEGET_NULL(char **), 10));
	assert_int_equal(n, -1234);
	GET(&n, method, BEGET_CALL(strtol, "ff", BEGET_OUT(&end), 16)); /* an address in the child */
	assert_int_equal(n, 255);
	GET(&length, method, BEGET_CALL(strlen, "seven!!")); /* an IFUNC */
	assert_int_equal(length, 7);
	GET(&i, method,
	    BEGET_CALL(memcmp, BEGET_IN((const void *)"abc", 3), BEGET_IN((const void *)"abd", 3), (size_t)3));
	assert_true(i < 0);
	GET(&i, method, BEGET_CALL(abs, INT_MIN + 1));
	assert_int_equal(i, INT_MAX);
}

/* Variadic functions. */

static void snprintf_of_everything(enum beget_method method)
{
	char line[200];
	int n = -1;

	memset(line, 'l', sizeof(line));
	GET(&n, method,
	    BEGET_CALL(snprintf, BEGET_OUT(line), sizeof(line), "%d %s %.3f %c %hd %.2f %d", 42, "text", 2.125,
	               (char)'x', (short)-3, (double)1.5f, (int)true));
	assert_string_equal(line, "42 text 2.125 x -3 1.50 1");
	assert_int_equal(n, strlen(line));
	GET(&n, method,
	    BEGET_CALL(snprintf, BEGET_OUT(line), sizeof(line), "%hhd %hu %d %.2f %hhu", (signed char)-7,
	               (unsigned short)65535, (bool)true, 0.25f, (unsigned char)200));
	assert_string_equal(line, "-7 65535 1 0.25 200");
	GET(&n, method, BEGET_CALL(snprintf, BEGET_OUT(line), sizeof(line), "nothing behind"));
	assert_string_equal(line, "nothing behind");
	GET(&n, method, BEGET_CALL(snprintf, BEGET_NULL(char *), (size_t)0, "%s%s", "12345", "678"));
	assert_int_equal(n, 8);
	GET(&n, method, BEGET_CALL(snprintf, BEGET_OUT(line, 4), (size_t)4, "%d", 1234567));
	assert_string_equal(line, "123");
	assert_int_equal(n, 7);
}

static void printf_into_a_pipe(enum beget_method method)
{
	int end = -1;
	char said[100] = "";

	struct beget_process *p = start_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_PIPE(&end)),
	                                     BEGET_CALL(printf, "%s=%d %.1f\n", "x", 17, 0.5));
	size_t got = 0;
	for (ssize_t n; (n = read(end, said + got, sizeof(said) - 1 - got)) > 0;)
		got += (size_t)n;
	close(end);
	assert_string_equal(said, "x=17 0.5\n");
	int n = -1;
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &n), 0);
	assert_int_equal(n, 9);
	expect_exit(p, 0);
}

/* A bit for each argument that is not what was sent. */
static int promoted(const char *kinds, ...)
{
	int wrong = 0;
	va_list ap;

	va_start(ap, kinds);
	for (int i = 0; kinds[i]; i++) {
		bool right = false;
		switch (kinds[i]) {
		case 'b': right = va_arg(ap, int) == 1; break;
		case 'c': right = va_arg(ap, int) == (char)-5; break;
		case 'a': right = va_arg(ap, int) == SCHAR_MIN; break;
		case 'A': right = va_arg(ap, int) == UCHAR_MAX; break;
		case 's': right = va_arg(ap, int) == SHRT_MIN; break;
		case 'S': right = va_arg(ap, int) == USHRT_MAX; break;
		case 'i': right = va_arg(ap, int) == INT_MIN; break;
		case 'u': right = va_arg(ap, unsigned) == UINT_MAX; break;
		case 'l': right = va_arg(ap, long) == LONG_MIN; break;
		case 'L': right = va_arg(ap, unsigned long) == ULONG_MAX; break;
		case 'q': right = va_arg(ap, long long) == LLONG_MIN; break;
		case 'Q': right = va_arg(ap, unsigned long long) == ULLONG_MAX; break;
		case 'f': right = va_arg(ap, double) == 0.1f; break;
		case 'd': right = va_arg(ap, double) == 0.1; break;
		case 't': right = strcmp(va_arg(ap, const char *), "text") == 0; break;
		case 'n': right = va_arg(ap, const char *) == NULL; break;
		case 'o': right = *va_arg(ap, const int *) == 77; break;
		case 'm': {
			struct beget_bytes b = va_arg(ap, struct beget_bytes);
			right = b.size == 5 && memcmp(b.data, "bytes", 5) == 0;
			break;
		}
		default: break;
		}
		wrong |= !right << i;
	}
	va_end(ap);
	return wrong;
}

static void every_promoted_type(enum beget_method method)
{
	const int object = 77;
	int wrong = -1;

	GET(&wrong, method,
	    BEGET_CALL(promoted, "bcaAsSfd", true, (char)-5, (signed char)SCHAR_MIN, (unsigned char)UCHAR_MAX,
	               (short)SHRT_MIN, (unsigned short)USHRT_MAX, 0.1f, 0.1));
	assert_int_equal(wrong, 0);
	GET(&wrong, method,
	    BEGET_CALL(promoted, "iulLqQtno", INT_MIN, UINT_MAX, LONG_MIN, ULONG_MAX, LLONG_MIN, ULLONG_MAX, "text",
	               (const char *)NULL, BEGET_IN(&object)));
	assert_int_equal(wrong, 0);
	GET(&wrong, method,
	    BEGET_CALL(promoted, "mfbftcdmd", BEGET_BYTES("bytes", 5), 0.1f, true, 0.1f, "text", (char)-5, 0.1,
	               BEGET_BYTES("bytes", 5), 0.1));
	assert_int_equal(wrong, 0);
	/* more floats than registers, more integers than registers */
	GET(&wrong, method, BEGET_CALL(promoted, "fffffffff", 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f));
	assert_int_equal(wrong, 0);
	GET(&wrong, method,
	    BEGET_CALL(promoted, "sssssssss", (short)SHRT_MIN, (short)SHRT_MIN, (short)SHRT_MIN, (short)SHRT_MIN,
	               (short)SHRT_MIN, (short)SHRT_MIN, (short)SHRT_MIN, (short)SHRT_MIN, (short)SHRT_MIN));
	assert_int_equal(wrong, 0);
	GET(&wrong, method, BEGET_CALL(promoted, ""));
	assert_int_equal(wrong, 0);
}

/* More arguments than the library keeps on its stack. */
static void thirty_variadic_arguments(enum beget_method method)
{
	enum { N = 30 };
	char kinds[N + 1] = "";
	const char *text_of_kinds = kinds;
	const short s = SHRT_MIN;
	const float f = 0.1f;
	struct beget_arg args[N + 1] = {{.type = BEGET_TYPE_STRING, .value = &text_of_kinds}};
	int wrong = -1;

	for (int i = 0; i < N; i++) {
		kinds[i] = i % 2 ? 's' : 'f';
		args[i + 1] = (struct beget_arg){.type = i % 2 ? BEGET_TYPE_SHORT : BEGET_TYPE_FLOAT,
		                                 .value = i % 2 ? (const void *)&s : (const void *)&f};
	}
	GET(&wrong, method,
	    (&(struct beget_call){.function = (void (*)(void))promoted,
	                          .result = BEGET_TYPE_INT,
	                          .n = N + 1,
	                          .args = args,
	                          .named = 1}));
	assert_int_equal(wrong, 0);
}

/* Structs by value: each is sent in both directions, is changed on the way, and is placed between other arguments. */

struct one {
	unsigned char c;
};
struct pair {
	int a, b;
};
struct floats {
	float x, y, z;
};
struct doubles {
	double x, y;
};
struct mixed {
	double d;
	long l;
};
struct odd {
	char c;
	short s;
	float f;
	bool b;
};
struct name {
	char text[16];
};
struct triple {
	char text[3];
};
struct point {
	int x;
	double y;
	char name[8];
};
struct line {
	struct point from, to;
	short s;
};
struct deep {
	struct {
		struct pair pairs[2];
		float f;
	} inner[3];
	unsigned char tail;
};

#define MEMBER BEGET_MEMBER
static const struct beget_layout *const one_layout = BEGET_LAYOUT(struct one, MEMBER(struct one, c));
static const struct beget_layout *const pair_layout =
	BEGET_LAYOUT(struct pair, MEMBER(struct pair, a), MEMBER(struct pair, b));
static const struct beget_layout *const floats_layout =
	BEGET_LAYOUT(struct floats, MEMBER(struct floats, x), MEMBER(struct floats, y), MEMBER(struct floats, z));
static const struct beget_layout *const doubles_layout =
	BEGET_LAYOUT(struct doubles, MEMBER(struct doubles, x), MEMBER(struct doubles, y));
static const struct beget_layout *const mixed_layout =
	BEGET_LAYOUT(struct mixed, MEMBER(struct mixed, d), MEMBER(struct mixed, l));
static const struct beget_layout *const odd_layout = BEGET_LAYOUT(
	struct odd, MEMBER(struct odd, c), MEMBER(struct odd, s), MEMBER(struct odd, f), MEMBER(struct odd, b));
static const struct beget_layout *const name_layout = BEGET_LAYOUT(struct name, MEMBER(struct name, text));
static const struct beget_layout *const triple_layout = BEGET_LAYOUT(struct triple, MEMBER(struct triple, text));
static const struct beget_layout *const point_layout =
	BEGET_LAYOUT(struct point, MEMBER(struct point, x), MEMBER(struct point, y), MEMBER(struct point, name));

#define CHANGES(name, ...)                                                                                             \
	static struct name changes_##name(int before, struct name s, double after)                                     \
	{                                                                                                              \
		if (before != 7 || after != 0.5)                                                                       \
			abort();                                                                                       \
		__VA_ARGS__                                                                                            \
		return s;                                                                                              \
	}
CHANGES(one, s.c++;)
CHANGES(pair, int a = s.a; s.a = s.b; s.b = a;)
CHANGES(floats, s.x += 1; s.y += 2; s.z += 3;)
CHANGES(doubles, s.x += 1; s.y += 2;)
CHANGES(mixed, s.d += 1; s.l += 2;)
CHANGES(odd, s.c++; s.s++; s.f++; s.b = !s.b;)
CHANGES(name, s.text[0]++; s.text[15]++;)
CHANGES(triple, s.text[0]++; s.text[2]++;)
CHANGES(point, s.x++; s.y++; s.name[7]++;)
CHANGES(line, s.from.x++; s.to.y++; s.to.name[7]++; s.s++;)
CHANGES(deep, s.inner[0].pairs[0].a++; s.inner[2].pairs[1].b++; s.inner[1].f++; s.tail++;)

/* Padding is not compared. */
#define CHECK(name, layout, ...)                                                                                       \
	do {                                                                                                           \
		struct name sent, expected, got;                                                                       \
		memset(&sent, 0, sizeof(sent));                                                                        \
		memset(&got, 0x5a, sizeof(got));                                                                       \
		__VA_ARGS__;                                                                                           \
		memcpy(&expected, &sent, sizeof(sent));                                                                \
		expected = changes_##name(7, expected, 0.5);                                                           \
		GET(&got, method,                                                                                      \
		    BEGET_RETURNS((layout), BEGET_CALL(changes_##name, 7, BEGET_STRUCT((layout), sent), 0.5)));        \
		assert_true(same_##name(&got, &expected));                                                             \
	} while (0)

#define SAME(name, ...)                                                                                                \
	static bool same_##name(const struct name *a, const struct name *b)                                            \
	{                                                                                                              \
		return __VA_ARGS__;                                                                                    \
	}
SAME(one, a->c == b->c)
SAME(pair, a->a == b->a && a->b == b->b)
SAME(floats, a->x == b->x && a->y == b->y && a->z == b->z)
SAME(doubles, a->x == b->x && a->y == b->y)
SAME(mixed, a->d == b->d && a->l == b->l)
SAME(odd, a->c == b->c && a->s == b->s && a->f == b->f && a->b == b->b)
SAME(name, memcmp(a->text, b->text, sizeof(a->text)) == 0)
SAME(triple, memcmp(a->text, b->text, sizeof(a->text)) == 0)
SAME(point, a->x == b->x && a->y == b->y && memcmp(a->name, b->name, sizeof(a->name)) == 0)
SAME(line, same_point(&a->from, &b->from) && same_point(&a->to, &b->to) && a->s == b->s)
SAME(deep, a->tail == b->tail && memcmp(a->inner, b->inner, sizeof(a->inner)) == 0)

static void small_structs(enum beget_method method)
{
	CHECK(one, one_layout, sent.c = 255);
	CHECK(triple, triple_layout, memcpy(sent.text, "abc", 3));
	CHECK(pair, pair_layout, sent.a = INT_MIN; sent.b = 5);
	CHECK(name, name_layout, memcpy(sent.text, "0123456789abcdef", 16));
	CHECK(floats, floats_layout, sent.x = 0.5f; sent.y = -1; sent.z = 1e30f);
	CHECK(doubles, doubles_layout, sent.x = 0.1; sent.y = -1e300);
	CHECK(mixed, mixed_layout, sent.d = 0.1; sent.l = LONG_MIN);
	CHECK(odd, odd_layout, sent.c = 'c'; sent.s = -2; sent.f = 0.25f; sent.b = true);
}

static void structs_in_memory(enum beget_method method)
{
	const struct beget_layout *line_layout =
		BEGET_LAYOUT(struct line, BEGET_MEMBER_STRUCT(struct line, from, point_layout),
	                     BEGET_MEMBER_STRUCT(struct line, to, point_layout), MEMBER(struct line, s));
	const struct beget_member inner_members[] = {
		BEGET_MEMBER_STRUCT(__typeof__(((struct deep *)0)->inner[0]), pairs, pair_layout),
		MEMBER(__typeof__(((struct deep *)0)->inner[0]), f),
	};
	const struct beget_layout inner = {sizeof(((struct deep *)0)->inner[0]), _Alignof(int), 2, inner_members};
	const struct beget_layout *deep_layout =
		BEGET_LAYOUT(struct deep, BEGET_MEMBER_STRUCT(struct deep, inner, &inner), MEMBER(struct deep, tail));

	CHECK(point, point_layout, sent.x = -1; sent.y = 0.1; memcpy(sent.name, "eightchr", 8));
	CHECK(line, line_layout, sent.from.x = 1; sent.to.x = 2; sent.to.y = 0.3; strcpy(sent.to.name, "to");
	      sent.s = -1);
	CHECK(deep, deep_layout, memset(sent.inner, 1, sizeof(sent.inner)); sent.tail = 9);
}

struct large {
	int n[1000];
};

static struct large doubled(struct large s)
{
	for (int i = 0; i < 1000; i++)
		s.n[i] *= 2;
	return s;
}

static void a_large_struct(enum beget_method method)
{
	const struct beget_layout *layout = BEGET_LAYOUT(struct large, MEMBER(struct large, n));
	struct large sent, got;

	for (int i = 0; i < 1000; i++)
		sent.n[i] = i;
	GET(&got, method, BEGET_RETURNS(layout, BEGET_CALL(doubled, BEGET_STRUCT(layout, sent))));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(got.n[i], 2 * i);
}

static div_t both(div_t a, ldiv_t b)
{
	return (div_t){a.quot + (int)b.quot, a.rem + (int)b.rem};
}

static void structs_of_libc(enum beget_method method)
{
	const struct beget_layout *layout = BEGET_LAYOUT(div_t, MEMBER(div_t, quot), MEMBER(div_t, rem));
	const struct beget_layout *longs = BEGET_LAYOUT(ldiv_t, MEMBER(ldiv_t, quot), MEMBER(ldiv_t, rem));
	div_t d = {0, 0};
	ldiv_t l = {0, 0};

	GET(&d, method, BEGET_RETURNS(layout, BEGET_CALL(div, 17, 5)));
	assert_true(d.quot == 3 && d.rem == 2);
	GET(&l, method, BEGET_RETURNS(longs, BEGET_CALL(ldiv, LONG_MAX, 10L)));
	assert_true(l.quot == LONG_MAX / 10 && l.rem == LONG_MAX % 10);
	GET(&d, method, BEGET_RETURNS(layout, BEGET_CALL(both, BEGET_STRUCT(layout, d), BEGET_STRUCT(longs, l))));
	assert_true(d.rem == 2 + 7);
}

/* A pointer in a struct is meaningful only with fork. */
struct holder {
	const char *text;
	int n;
};

static int length_of_held(struct holder h)
{
	return h.text ? (int)strlen(h.text) + h.n : -1;
}

static void a_struct_with_a_pointer(enum beget_method method)
{
	const struct beget_layout *layout =
		BEGET_LAYOUT(struct holder, MEMBER(struct holder, text), MEMBER(struct holder, n));
	struct holder h = {"held", 10};

	assert_int_equal(int_result(method, BEGET_CALL(length_of_held, BEGET_STRUCT(layout, h))), 14);
}

/* Functions as arguments. */

static int twice(int x)
{
	return 2 * x;
}

static int apply(int (*f)(int), int x)
{
	return f ? f(x) : -1;
}

static double apply_real(double (*f)(double), double x)
{
	return f(x);
}

static uLong apply_checksum(uLong (*f)(uLong, const Bytef *, uInt), const char *s)
{
	return f(1, (const Bytef *)s, (uInt)strlen(s));
}

static int apply_to_text(size_t (*f)(const char *), int (*g)(const char *, ...), const char *s)
{
	return (int)f(s) + (g == printf);
}

/* gcc takes a function without effects for one of another type, so these are cast. */
static void functions_as_arguments(enum beget_method method)
{
	int (*nothing)(int) = NULL;
	double x = 0;
	uLong sum = 0;

	assert_int_equal(int_result(method, BEGET_CALL(apply, twice, 21)), 42);
	assert_int_equal(int_result(method, BEGET_CALL(apply, &twice, 4)), 8);
	assert_int_equal(int_result(method, BEGET_CALL(apply, (int (*)(int))abs, -5)), 5);
	assert_int_equal(int_result(method, BEGET_CALL(apply, nothing, 21)), -1);
	assert_int_equal(int_result(method, BEGET_CALL(apply, BEGET_NULL(int (*)(int)), 21)), -1);
	GET(&x, method, BEGET_CALL(apply_real, (double (*)(double))cbrt, 27.0));
	assert_true(fabs(x - 3) < 1e-15);
	GET(&sum, method, BEGET_CALL(apply_checksum, adler32, "checked"));
	assert_int_equal(sum, adler32(1, (const Bytef *)"checked", 7));
	assert_int_equal(int_result(method, BEGET_CALL(apply_to_text, strlen, printf, "four")), 5);
}

/* Code in no module can be called only in a copy of this memory; for the other methods see test/start_refusals. */
static void a_function_in_memory(enum beget_method method)
{
	static const unsigned char plus_one[] = {0x8d, 0x47, 0x01, 0xc3}; /* lea 1(%rdi), %eax; ret */
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

#ifndef __x86_64__
	skip();
#endif
	assert_true(page != MAP_FAILED);
	memcpy(page, plus_one, sizeof(plus_one));
	assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
	assert_int_equal(int_result(method, BEGET_CALL(apply, (int (*)(int))(uintptr_t)page, 41)), 42);
	munmap(page, 4096);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(checksums),
		BEHAVIOUR(packs_and_unpacks),
		BEHAVIOUR(mathematics),
		BEHAVIOUR(sorting),
		BEHAVIOUR(text),
		BEHAVIOUR(snprintf_of_everything),
		BEHAVIOUR(printf_into_a_pipe),
		BEHAVIOUR(every_promoted_type),
		BEHAVIOUR(thirty_variadic_arguments),
		BEHAVIOUR(small_structs),
		BEHAVIOUR(structs_in_memory),
		BEHAVIOUR(a_large_struct),
		BEHAVIOUR(structs_of_libc),
		BEHAVIOUR_OF(a_struct_with_a_pointer, BY(BEGET_FORK)),
		BEHAVIOUR(functions_as_arguments),
		BEHAVIOUR_OF(a_function_in_memory, BY(BEGET_FORK)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
