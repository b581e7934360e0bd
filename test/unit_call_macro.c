/* What BEGET_CALL, BEGET_OPTIONS and beget_result make of their arguments: type codes, sizes and values.
 *
 * The calls are built and inspected, never started: there are no processes, and the library is not needed. Wrong calls
 * are in compile_call.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <beget.h>

/* The layout that programs are compiled against. */
_Static_assert(sizeof(struct beget_status) == 128, "beget_status grew");
_Static_assert(offsetof(struct beget_status, outcome) == 0, "outcome moved");
_Static_assert(offsetof(struct beget_status, code) == 4, "code moved");
_Static_assert(offsetof(struct beget_status, core_dumped) == 8, "core_dumped moved");
_Static_assert(offsetof(struct beget_status, user_us) == 16, "user_us moved");
_Static_assert(offsetof(struct beget_status, system_us) == 24, "system_us moved");
_Static_assert(offsetof(struct beget_status, peak_kib) == 32, "peak_kib moved");
_Static_assert(offsetof(struct beget_options, size) == 0, "size is not first");
_Static_assert(offsetof(struct beget_options, method) == sizeof(size_t), "method moved");
_Static_assert(offsetof(struct beget_options, flags) == sizeof(size_t) + 4, "flags moved");
_Static_assert(offsetof(struct beget_arg, flags) == 4, "flags moved");
_Static_assert(offsetof(struct beget_arg, size) == 8, "size moved");
_Static_assert(offsetof(struct beget_arg, value) == 8 + sizeof(size_t), "value moved");
_Static_assert(offsetof(struct beget_call, result) == sizeof(void (*)(void)), "result moved");
_Static_assert(offsetof(struct beget_call, n) == sizeof(void (*)(void)) + 4, "n moved");
_Static_assert(offsetof(struct beget_call, args) == sizeof(void (*)(void)) + 8, "args moved");

struct point {
	int x;
	int y;
	double weight;
};

union number {
	int64_t whole;
	double real;
};

enum colour { RED, GREEN, BLUE = INT_MAX };
enum level { LOW = -1, MIDDLE, HIGH };

/* The bool type of C has two names. */
typedef _Bool boolean;

#define TARGET(name, type)                                                                                             \
	static void name(type value)                                                                                   \
	{                                                                                                              \
		(void)value;                                                                                           \
	}
/* clang-format off */
TARGET(take_bool, boolean)
TARGET(take_char, char)
TARGET(take_schar, signed char)
TARGET(take_uchar, unsigned char)
TARGET(take_short, short)
TARGET(take_ushort, unsigned short)
TARGET(take_int, int)
TARGET(take_uint, unsigned)
TARGET(take_long, long)
TARGET(take_ulong, unsigned long)
TARGET(take_llong, long long)
TARGET(take_ullong, unsigned long long)
TARGET(take_float, float)
TARGET(take_double, double)
TARGET(take_int8, int8_t)
TARGET(take_uint16, uint16_t)
TARGET(take_int64, int64_t)
TARGET(take_size, size_t)
TARGET(take_colour, enum colour)
TARGET(take_level, enum level)
TARGET(take_const_int, const int)
TARGET(take_string, const char *)
TARGET(take_const_string, const char *const)
TARGET(take_strings, char *const *)
TARGET(take_const_strings, const char *const *)
TARGET(take_argv, char **)
TARGET(take_point, const struct point *)
TARGET(take_number, const union number *)
TARGET(take_ints, const int *)
TARGET(take_doubles, const double *)
TARGET(take_octets, const unsigned char *)
TARGET(take_points, const struct point *)
TARGET(take_bytes, struct beget_bytes)
TARGET(take_fd, struct beget_fd)
/* clang-format on */

static void take_array(const int values[4])
{
	(void)values;
}

/* One argument of a call: its type, its flags, and its value byte for byte. */
static void check_arg(const struct beget_call *call, unsigned i, unsigned type, const void *value, size_t size)
{
	assert_true(i < call->n);
	assert_int_equal(call->args[i].type, type);
	assert_int_equal(call->args[i].flags, 0);
	assert_non_null(call->args[i].value);
	assert_memory_equal(call->args[i].value, value, size);
}

/* Checks a call of a function without a result and with one scalar argument. */
static void check_one(const struct beget_call *call, void (*function)(void), unsigned type, const void *value,
                      size_t size)
{
	assert_true(call->function == function);
	assert_int_equal(call->result, BEGET_TYPE_VOID);
	assert_int_equal(call->n, 1);
	check_arg(call, 0, type, value, size);
}

/* A pointer argument must be the caller's address, because the copy is made later. NULL stays NULL. */
static void check_pointer(const struct beget_call *call, unsigned i, unsigned type, const void *address)
{
	const void *value;

	assert_true(i < call->n);
	assert_int_equal(call->args[i].type, type);
	assert_int_equal(call->args[i].flags, 0);
	memcpy(&value, call->args[i].value, sizeof(value));
	assert_ptr_equal(value, address);
}

static void check_object(const struct beget_call *call, unsigned i, const void *address, size_t size)
{
	check_pointer(call, i, BEGET_TYPE_OBJECT, address);
	assert_int_equal(call->args[i].size, size);
}

/* Each value is passed twice: from a variable and from a const variable. */
#define CHECK_SCALAR(target, type_, code, ...)                                                                         \
	do {                                                                                                           \
		const type_ values[] = {__VA_ARGS__};                                                                  \
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {                                        \
			type_ plain = values[i];                                                                       \
			check_one(BEGET_CALL(target, plain), (void (*)(void))target, code, &values[i], sizeof(type_)); \
			check_one(BEGET_CALL(target, values[i]), (void (*)(void))target, code, &values[i],             \
			          sizeof(type_));                                                                      \
		}                                                                                                      \
	} while (0)

static void test_narrow_integers(void **state)
{
	(void)state;
	CHECK_SCALAR(take_bool, boolean, BEGET_TYPE_BOOL, 0, 1);
	CHECK_SCALAR(take_char, char, BEGET_TYPE_CHAR, CHAR_MIN, 0, 'a', CHAR_MAX);
	CHECK_SCALAR(take_schar, signed char, BEGET_TYPE_SCHAR, SCHAR_MIN, -1, 0, SCHAR_MAX);
	CHECK_SCALAR(take_uchar, unsigned char, BEGET_TYPE_UCHAR, 0, 1, UCHAR_MAX);
	CHECK_SCALAR(take_short, short, BEGET_TYPE_SHORT, SHRT_MIN, -1, 0, SHRT_MAX);
	CHECK_SCALAR(take_ushort, unsigned short, BEGET_TYPE_USHORT, 0, 1, USHRT_MAX);
}

static void test_wide_integers(void **state)
{
	(void)state;
	CHECK_SCALAR(take_int, int, BEGET_TYPE_INT, INT_MIN, -1, 0, INT_MAX);
	CHECK_SCALAR(take_uint, unsigned, BEGET_TYPE_UINT, 0, 1, UINT_MAX);
	CHECK_SCALAR(take_long, long, BEGET_TYPE_LONG, LONG_MIN, -1, 0, LONG_MAX);
	CHECK_SCALAR(take_ulong, unsigned long, BEGET_TYPE_ULONG, 0, 1, ULONG_MAX);
	CHECK_SCALAR(take_llong, long long, BEGET_TYPE_LLONG, LLONG_MIN, -1, 0, LLONG_MAX);
	CHECK_SCALAR(take_ullong, unsigned long long, BEGET_TYPE_ULLONG, 0, 1, ULLONG_MAX);
}

static void test_floats(void **state)
{
	(void)state;
	CHECK_SCALAR(take_float, float, BEGET_TYPE_FLOAT, -FLT_MAX, -0.0f, 0.1f, FLT_MIN, FLT_MAX);
	CHECK_SCALAR(take_double, double, BEGET_TYPE_DOUBLE, -DBL_MAX, -0.0, 0.1, DBL_MIN, DBL_MAX);
}

/* A typedef counts as its underlying type; the platform decides which of two types of the same width that is. */
static void test_typedefs(void **state)
{
	(void)state;
	const unsigned wide = _Generic((int64_t)0, long : BEGET_TYPE_LONG, long long : BEGET_TYPE_LLONG);
	const unsigned size = _Generic((size_t)0, unsigned
	                               : BEGET_TYPE_UINT, unsigned long
	                               : BEGET_TYPE_ULONG, unsigned long long
	                               : BEGET_TYPE_ULLONG);

	CHECK_SCALAR(take_int8, int8_t, BEGET_TYPE_SCHAR, INT8_MIN, INT8_MAX);
	CHECK_SCALAR(take_uint16, uint16_t, BEGET_TYPE_USHORT, 0, UINT16_MAX);
	CHECK_SCALAR(take_int64, int64_t, wide, INT64_MIN, INT64_MAX);
	CHECK_SCALAR(take_size, size_t, size, 0, SIZE_MAX);
}

/* An enum is passed as the integer type that the compiler chose. */
static void test_enums(void **state)
{
	(void)state;
	const unsigned colour = _Generic((enum colour)0, int : BEGET_TYPE_INT, unsigned : BEGET_TYPE_UINT);
	const unsigned level = _Generic((enum level)0, int : BEGET_TYPE_INT, unsigned : BEGET_TYPE_UINT);

	CHECK_SCALAR(take_colour, enum colour, colour, RED, GREEN, BLUE);
	CHECK_SCALAR(take_level, enum level, level, LOW, MIDDLE, HIGH);
	assert_int_equal(level, BEGET_TYPE_INT);

	enum colour blue = BLUE;
	check_one(BEGET_CALL(take_colour, (enum colour)BLUE), (void (*)(void))take_colour, colour, &blue, sizeof(blue));
}

/* Qualifiers of the variable and of the parameter itself make no difference, and neither do those of a pointer's
 * target. */
static void test_qualifiers(void **state)
{
	(void)state;
	int value = -5;
	volatile int restless = -5;
	const struct point fixed = {1, 2, 3};
	const struct point *const pointer = &fixed;
	const char *const text = "text";

	check_one(BEGET_CALL(take_const_int, value), (void (*)(void))take_const_int, BEGET_TYPE_INT, &value,
	          sizeof(value));
	check_one(BEGET_CALL(take_int, restless), (void (*)(void))take_int, BEGET_TYPE_INT, &value, sizeof(value));
	check_object(BEGET_CALL(take_point, pointer), 0, &fixed, sizeof(fixed));
	check_pointer(BEGET_CALL(take_string, text), 0, BEGET_TYPE_STRING, text);
	check_pointer(BEGET_CALL(take_const_string, text), 0, BEGET_TYPE_STRING, text);
}

static void test_strings(void **state)
{
	(void)state;
	const char *constant = "constant";
	char array[16] = "array";
	const char fixed[] = "fixed";
	char *writable = array;

	check_pointer(BEGET_CALL(take_string, constant), 0, BEGET_TYPE_STRING, constant);
	check_pointer(BEGET_CALL(take_string, array), 0, BEGET_TYPE_STRING, array);
	check_pointer(BEGET_CALL(take_string, fixed), 0, BEGET_TYPE_STRING, fixed);
	check_pointer(BEGET_CALL(take_string, writable), 0, BEGET_TYPE_STRING, array);
	check_pointer(BEGET_CALL(take_string, array + 2), 0, BEGET_TYPE_STRING, array + 2);
}

static void test_string_literals(void **state)
{
	(void)state;
	const char *text;
	const struct beget_call *call = BEGET_CALL(take_string, "a, \"literal\"");

	assert_int_equal(call->args[0].type, BEGET_TYPE_STRING);
	memcpy(&text, call->args[0].value, sizeof(text));
	assert_string_equal(text, "a, \"literal\"");

	call = BEGET_CALL(take_string, "");
	assert_int_equal(call->args[0].type, BEGET_TYPE_STRING);
	memcpy(&text, call->args[0].value, sizeof(text));
	assert_string_equal(text, "");
}

static void test_vectors_of_strings(void **state)
{
	(void)state;
	char *strings[] = {NULL};
	char **vector = strings;
	const char *const constant[] = {"constant", NULL};
	const struct beget_call *call = BEGET_CALL(take_argv, BEGET_STRINGS(vector));

	check_pointer(BEGET_CALL(take_strings, strings), 0, BEGET_TYPE_STRINGS, strings);
	check_pointer(BEGET_CALL(take_strings, vector), 0, BEGET_TYPE_STRINGS, strings);
	check_pointer(BEGET_CALL(take_const_strings, constant), 0, BEGET_TYPE_STRINGS, constant);
	assert_int_equal(call->args[0].type, BEGET_TYPE_STRINGS);
	assert_int_equal(call->args[0].flags, BEGET_ARG_BOXED);
}

static void test_null_pointers(void **state)
{
	(void)state;
	const char *text = NULL;
	struct point *point = NULL;

	check_pointer(BEGET_CALL(take_string, text), 0, BEGET_TYPE_STRING, NULL);
	check_pointer(BEGET_CALL(take_string, (const char *)NULL), 0, BEGET_TYPE_STRING, NULL);
	check_object(BEGET_CALL(take_point, point), 0, NULL, sizeof(struct point));
	check_object(BEGET_CALL(take_point, (const struct point *)NULL), 0, NULL, sizeof(struct point));
}

static void test_objects(void **state)
{
	(void)state;
	struct point point = {1, 2, 3};
	union number number = {.whole = 7};

	check_object(BEGET_CALL(take_point, &point), 0, &point, sizeof(point));
	check_object(BEGET_CALL(take_number, &number), 0, &number, sizeof(number));
}

/* An array is passed as a whole, and a pointer into it as one element. */
static void test_arrays(void **state)
{
	(void)state;
	int ints[5] = {1, 2, 3, 4, 5};
	const int fixed[3] = {1, 2, 3};
	const unsigned char octets[7] = {0};
	double real[1] = {0.5};
	const struct point points[2] = {{1, 2, 3}, {4, 5, 6}};
	struct point one[1] = {{0}};

	check_object(BEGET_CALL(take_ints, ints), 0, ints, sizeof(ints));
	check_object(BEGET_CALL(take_ints, (ints)), 0, ints, sizeof(ints));
	check_object(BEGET_CALL(take_points, &points[1]), 0, points + 1, sizeof(*points));
	check_object(BEGET_CALL(take_points, points + 1), 0, points + 1, sizeof(*points));
	check_object(BEGET_CALL(take_ints, fixed), 0, fixed, sizeof(fixed));
	check_object(BEGET_CALL(take_array, ints), 0, ints, sizeof(ints));
	check_object(BEGET_CALL(take_doubles, real), 0, real, sizeof(real));
	check_object(BEGET_CALL(take_octets, octets), 0, octets, sizeof(octets));
	check_object(BEGET_CALL(take_points, points), 0, points, sizeof(points));
	check_object(BEGET_CALL(take_points, one), 0, one, sizeof(one));
	assert_int_equal(BEGET_CALL(take_ints, ((int[4]){1, 2, 3, 4}))->args[0].size, 4 * sizeof(int));
}

static void test_bytes(void **state)
{
	(void)state;
	char data[] = "some bytes";
	struct beget_bytes run = {data, sizeof(data)};
	const struct beget_bytes fixed = {data, 0};
	struct beget_bytes got;
	const struct beget_call *call = BEGET_CALL(take_bytes, BEGET_BYTES(data, sizeof(data)));

	assert_int_equal(call->args[0].type, BEGET_TYPE_BYTES);
	memcpy(&got, call->args[0].value, sizeof(got));
	assert_ptr_equal(got.data, data);
	assert_int_equal(got.size, sizeof(data));

	check_one(BEGET_CALL(take_bytes, run), (void (*)(void))take_bytes, BEGET_TYPE_BYTES, &run, sizeof(run));
	check_one(BEGET_CALL(take_bytes, fixed), (void (*)(void))take_bytes, BEGET_TYPE_BYTES, &fixed, sizeof(fixed));
}

static void test_descriptors(void **state)
{
	(void)state;
	struct beget_fd last = {INT_MAX};
	struct beget_fd none = {-1};

	check_one(BEGET_CALL(take_fd, BEGET_FD(INT_MAX)), (void (*)(void))take_fd, BEGET_TYPE_FD, &last, sizeof(last));
	check_one(BEGET_CALL(take_fd, none), (void (*)(void))take_fd, BEGET_TYPE_FD, &none, sizeof(none));
}

/* clang-format off */
static int sum0(void) { return 0; }
static int sum1(int a) { return a; }
static int sum2(int a, int b) { return a + b; }
static int sum3(int a, int b, int c) { return a + b + c; }
static int sum4(int a, int b, int c, int d) { return sum2(a, b) + sum2(c, d); }
static int sum5(int a, int b, int c, int d, int e) { return sum4(a, b, c, d) + e; }
static int sum6(int a, int b, int c, int d, int e, int f) { return sum4(a, b, c, d) + sum2(e, f); }
static int sum7(int a, int b, int c, int d, int e, int f, int g) { return sum4(a, b, c, d) + sum3(e, f, g); }
static int sum8(int a, int b, int c, int d, int e, int f, int g, int h)
{ return sum4(a, b, c, d) + sum4(e, f, g, h); }
static int sum9(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{ return sum8(a, b, c, d, e, f, g, h) + i; }
static int sum10(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j)
{ return sum8(a, b, c, d, e, f, g, h) + sum2(i, j); }
/* clang-format on */

static void check_sum(const struct beget_call *call, void (*function)(void), unsigned n)
{
	assert_true(call->function == function);
	assert_int_equal(call->result, BEGET_TYPE_INT);
	assert_int_equal(call->n, n);
	for (unsigned i = 0; i < n; i++) {
		int value = (int)i + 1;
		check_arg(call, i, BEGET_TYPE_INT, &value, sizeof(value));
	}
}

static void test_argument_counts(void **state)
{
	(void)state;
	check_sum(BEGET_CALL(sum0), (void (*)(void))sum0, 0);
	check_sum(BEGET_CALL(sum1, 1), (void (*)(void))sum1, 1);
	check_sum(BEGET_CALL(sum2, 1, 2), (void (*)(void))sum2, 2);
	check_sum(BEGET_CALL(sum3, 1, 2, 3), (void (*)(void))sum3, 3);
	check_sum(BEGET_CALL(sum4, 1, 2, 3, 4), (void (*)(void))sum4, 4);
	check_sum(BEGET_CALL(sum5, 1, 2, 3, 4, 5), (void (*)(void))sum5, 5);
	check_sum(BEGET_CALL(sum6, 1, 2, 3, 4, 5, 6), (void (*)(void))sum6, 6);
	check_sum(BEGET_CALL(sum7, 1, 2, 3, 4, 5, 6, 7), (void (*)(void))sum7, 7);
	check_sum(BEGET_CALL(sum8, 1, 2, 3, 4, 5, 6, 7, 8), (void (*)(void))sum8, 8);
	check_sum(BEGET_CALL(sum9, 1, 2, 3, 4, 5, 6, 7, 8, 9), (void (*)(void))sum9, 9);
	check_sum(BEGET_CALL(sum10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), (void (*)(void))sum10, 10);
}

static double take_mixture(char a, const char *b, float c, const struct point *d, unsigned long long e,
                           struct beget_bytes f, struct beget_fd g, const int *h, double i, short j)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h, (void)j;
	return i;
}

static void test_ten_different_arguments(void **state)
{
	(void)state;
	struct point point = {1, 2, 3};
	struct beget_bytes run = {"run", 3};
	int ints[3] = {1, 2, 3};
	const char *text = "text";
	const char a = 'a';
	const float c = 0.25f;
	const unsigned long long e = ULLONG_MAX;
	const struct beget_fd g = {2};
	const double i = 1e300;
	const short j = -1;
	const struct beget_call *call = BEGET_CALL(take_mixture, (char)'a', text, 0.25f, &point, ULLONG_MAX, run,
	                                           BEGET_FD(2), ints, 1e300, (short)-1);

	assert_true(call->function == (void (*)(void))take_mixture);
	assert_int_equal(call->result, BEGET_TYPE_DOUBLE);
	assert_int_equal(call->n, 10);
	check_arg(call, 0, BEGET_TYPE_CHAR, &a, sizeof(a));
	check_pointer(call, 1, BEGET_TYPE_STRING, text);
	check_arg(call, 2, BEGET_TYPE_FLOAT, &c, sizeof(c));
	check_object(call, 3, &point, sizeof(point));
	check_arg(call, 4, BEGET_TYPE_ULLONG, &e, sizeof(e));
	check_arg(call, 5, BEGET_TYPE_BYTES, &run, sizeof(run));
	check_arg(call, 6, BEGET_TYPE_FD, &g, sizeof(g));
	check_object(call, 7, ints, sizeof(ints));
	check_arg(call, 8, BEGET_TYPE_DOUBLE, &i, sizeof(i));
	check_arg(call, 9, BEGET_TYPE_SHORT, &j, sizeof(j));
}

#define RESULT(name, type)                                                                                             \
	static type name(void)                                                                                         \
	{                                                                                                              \
		return (type)0;                                                                                        \
	}                                                                                                              \
	static type name##_of_one(int value)                                                                           \
	{                                                                                                              \
		return value ? (type)0 : name();                                                                       \
	}
/* clang-format off */
RESULT(give_bool, boolean)
RESULT(give_char, char)
RESULT(give_schar, signed char)
RESULT(give_uchar, unsigned char)
RESULT(give_short, short)
RESULT(give_ushort, unsigned short)
RESULT(give_int, int)
RESULT(give_uint, unsigned)
RESULT(give_long, long)
RESULT(give_ulong, unsigned long)
RESULT(give_llong, long long)
RESULT(give_ullong, unsigned long long)
RESULT(give_float, float)
RESULT(give_double, double)
RESULT(give_level, enum level)
RESULT(give_string, const char *)
RESULT(give_writable, char *)
/* clang-format on */

static void give_nothing(void)
{
}

static struct beget_bytes give_bytes(void)
{
	return BEGET_BYTES("", 0);
}

static struct beget_bytes give_bytes_of_one(int value)
{
	return value ? BEGET_BYTES("one", 3) : give_bytes();
}

#define CHECK_RESULT(name, code)                                                                                       \
	do {                                                                                                           \
		assert_int_equal(BEGET_CALL(name)->result, code);                                                      \
		assert_int_equal(BEGET_CALL(name)->n, 0);                                                              \
		assert_true(BEGET_CALL(name)->function == (void (*)(void))name);                                       \
		assert_int_equal(BEGET_CALL(name##_of_one, 1)->result, code);                                          \
	} while (0)

static void test_results(void **state)
{
	(void)state;
	CHECK_RESULT(give_bool, BEGET_TYPE_BOOL);
	CHECK_RESULT(give_char, BEGET_TYPE_CHAR);
	CHECK_RESULT(give_schar, BEGET_TYPE_SCHAR);
	CHECK_RESULT(give_uchar, BEGET_TYPE_UCHAR);
	CHECK_RESULT(give_short, BEGET_TYPE_SHORT);
	CHECK_RESULT(give_ushort, BEGET_TYPE_USHORT);
	CHECK_RESULT(give_int, BEGET_TYPE_INT);
	CHECK_RESULT(give_uint, BEGET_TYPE_UINT);
	CHECK_RESULT(give_long, BEGET_TYPE_LONG);
	CHECK_RESULT(give_ulong, BEGET_TYPE_ULONG);
	CHECK_RESULT(give_llong, BEGET_TYPE_LLONG);
	CHECK_RESULT(give_ullong, BEGET_TYPE_ULLONG);
	CHECK_RESULT(give_float, BEGET_TYPE_FLOAT);
	CHECK_RESULT(give_double, BEGET_TYPE_DOUBLE);
	CHECK_RESULT(give_level, BEGET_TYPE_INT);
	CHECK_RESULT(give_string, BEGET_TYPE_STRING);
	CHECK_RESULT(give_writable, BEGET_TYPE_STRING);
	CHECK_RESULT(give_bytes, BEGET_TYPE_BYTES);
	assert_int_equal(BEGET_CALL(give_nothing)->result, BEGET_TYPE_VOID);
	assert_int_equal(BEGET_CALL(take_int, 1)->result, BEGET_TYPE_VOID);
}

static unsigned counted;

static int count(void)
{
	return (int)++counted;
}

static const char *count_string(void)
{
	counted++;
	return "counted";
}

static const struct point *count_point(void)
{
	static const struct point point = {1, 2, 3};

	counted++;
	return &point;
}

static int (*count_target(void))(int, int)
{
	counted++;
	return sum2;
}

/* The macro repeats each argument many times and evaluates it once. */
static void test_arguments_are_evaluated_once(void **state)
{
	(void)state;
	int value = 7;
	const int one = 1;
	const struct point points[2] = {{0}};
	const struct point *pointer = points;
	const struct beget_call *call;

	counted = 0;
	call = BEGET_CALL(take_int, count());
	assert_int_equal(counted, 1);
	check_arg(call, 0, BEGET_TYPE_INT, &one, sizeof(one));
	(void)BEGET_CALL(take_string, count_string());
	assert_int_equal(counted, 2);
	(void)BEGET_CALL(take_point, count_point());
	assert_int_equal(counted, 3);
	(void)BEGET_CALL(sum2, count(), count());
	assert_int_equal(counted, 5);

	call = BEGET_CALL(take_int, value++);
	assert_int_equal(value, 8);
	value = 7;
	check_arg(call, 0, BEGET_TYPE_INT, &value, sizeof(value));
	call = BEGET_CALL(take_points, pointer++);
	assert_ptr_equal(pointer, points + 1);
	check_object(call, 0, points, sizeof(*points));
	(void)BEGET_CALL(take_bytes, BEGET_BYTES(pointer++, sizeof(int)));
	assert_ptr_equal(pointer, points + 2);
	(void)BEGET_CALL(take_fd, BEGET_FD(value++));
	assert_int_equal(value, 8);
}

static void test_functions(void **state)
{
	(void)state;
	int (*pointer)(int, int) = sum2;
	int (*const table[])(int, int) = {sum2};

	check_sum(BEGET_CALL(&sum2, 1, 2), (void (*)(void))sum2, 2);
	check_sum(BEGET_CALL(*sum2, 1, 2), (void (*)(void))sum2, 2);
	check_sum(BEGET_CALL(pointer, 1, 2), (void (*)(void))sum2, 2);
	check_sum(BEGET_CALL(table[0], 1, 2), (void (*)(void))sum2, 2);

	counted = 0;
	check_sum(BEGET_CALL(count_target(), 1, 2), (void (*)(void))sum2, 2);
	assert_int_equal(counted, 1);
}

static void test_default_options(void **state)
{
	(void)state;
	const struct beget_options zero = {.size = sizeof(zero)};
	const struct beget_options *options = BEGET_OPTIONS();

	assert_int_equal(options->size, sizeof(struct beget_options));
	assert_int_equal(options->method, BEGET_FORKSERVER);
	assert_int_equal(options->flags, 0);
	assert_memory_equal(options, &zero, sizeof(zero));
}

static void test_given_options(void **state)
{
	(void)state;
	const struct beget_options *options = BEGET_OPTIONS(.method = BEGET_SPAWN);

	assert_int_equal(options->size, sizeof(struct beget_options));
	assert_int_equal(options->method, BEGET_SPAWN);
	assert_int_equal(options->flags, 0);

	options = BEGET_OPTIONS(.method = BEGET_FORK, .flags = BEGET_UNSAFE_FORK);
	assert_int_equal(options->size, sizeof(struct beget_options));
	assert_int_equal(options->method, BEGET_FORK);
	assert_int_equal(options->flags, BEGET_UNSAFE_FORK);
}

static unsigned asked_type;
static size_t asked_size;
static void *asked_ret;

static int ask(struct beget_process *process, unsigned type, size_t size, void *ret)
{
	(void)process;
	asked_size = size;
	asked_type = type;
	asked_ret = ret;
	return 0;
}

/* From here on, beget_result calls ask. */
#define beget_result_as ask

#define CHECK_ASKED(type, code)                                                                                        \
	do {                                                                                                           \
		type ret;                                                                                              \
		assert_int_equal(beget_result(NULL, &ret), 0);                                                         \
		assert_int_equal(asked_type, code);                                                                    \
		assert_int_equal(asked_size, sizeof(ret));                                                             \
		assert_ptr_equal(asked_ret, &ret);                                                                     \
	} while (0)

static void test_result_types(void **state)
{
	(void)state;
	CHECK_ASKED(boolean, BEGET_TYPE_BOOL);
	CHECK_ASKED(char, BEGET_TYPE_CHAR);
	CHECK_ASKED(signed char, BEGET_TYPE_SCHAR);
	CHECK_ASKED(unsigned char, BEGET_TYPE_UCHAR);
	CHECK_ASKED(short, BEGET_TYPE_SHORT);
	CHECK_ASKED(unsigned short, BEGET_TYPE_USHORT);
	CHECK_ASKED(int, BEGET_TYPE_INT);
	CHECK_ASKED(unsigned, BEGET_TYPE_UINT);
	CHECK_ASKED(long, BEGET_TYPE_LONG);
	CHECK_ASKED(unsigned long, BEGET_TYPE_ULONG);
	CHECK_ASKED(long long, BEGET_TYPE_LLONG);
	CHECK_ASKED(unsigned long long, BEGET_TYPE_ULLONG);
	CHECK_ASKED(float, BEGET_TYPE_FLOAT);
	CHECK_ASKED(double, BEGET_TYPE_DOUBLE);
	CHECK_ASKED(enum level, BEGET_TYPE_INT);
	CHECK_ASKED(const char *, BEGET_TYPE_STRING);
	CHECK_ASKED(struct beget_bytes, BEGET_TYPE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow_integers),
		cmocka_unit_test(test_wide_integers),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_typedefs),
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_qualifiers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_literals),
		cmocka_unit_test(test_vectors_of_strings),
		cmocka_unit_test(test_null_pointers),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_argument_counts),
		cmocka_unit_test(test_ten_different_arguments),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_arguments_are_evaluated_once),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_default_options),
		cmocka_unit_test(test_given_options),
		cmocka_unit_test(test_result_types),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
