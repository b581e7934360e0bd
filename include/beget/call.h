/* BEGET_CALL, BEGET_OPTIONS and beget_result: the macros that take types from the compiler (C11 and later).
 *
 * BEGET_CALL(f, a, b) becomes a struct beget_call on the stack of the block it is written in. Each argument passes
 * through three steps:
 *
 *   BEGET__VALUE(a)  the argument, decayed and unqualified: an array becomes a pointer, a const int an int;
 *   BEGET__T(a)      the parameter type that it stands for: a scalar's own type, const T * for a pointer to T;
 *   BEGET__ARG(a)    a struct beget_arg: type code, size of the object behind a pointer, address of a typed copy.
 *
 * BEGET__CHECK then asks one _Generic whether f is exactly a function of these parameter types. Where a rule is
 * broken, the macro takes the size of a struct that is declared here and never defined: its name in the compiler's
 * message says what to do. */
#ifndef BEGET_CALL_H
#define BEGET_CALL_H

struct beget__never_a_parameter;
struct BEGET_CANNOT_SEND_A_void_POINTER;
struct BEGET_CANNOT_SEND_A_long_double;
struct BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION;
struct BEGET_CANNOT_SEND_THIS_TYPE_BY_VALUE_SEND_ITS_ADDRESS;
struct BEGET_FUNCTION_HAS_NO_PROTOTYPE;
struct BEGET_CANNOT_CALL_A_FUNCTION_WITH_A_POINTER_PARAMETER_THAT_IS_NOT_CONST;
struct BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY_THE_PARAMETERS_CAST_THEM;
struct BEGET_CALL_TAKES_AT_MOST_TEN_ARGUMENTS;

/* Every type that travels by value, as m(type, code): both ways, and as a parameter. */
/* clang-format off */
#define BEGET__EACH_RESULT(m) \
	m(_Bool, BEGET_TYPE_BOOL) m(char, BEGET_TYPE_CHAR) \
	m(signed char, BEGET_TYPE_SCHAR) m(unsigned char, BEGET_TYPE_UCHAR) \
	m(short, BEGET_TYPE_SHORT) m(unsigned short, BEGET_TYPE_USHORT) \
	m(int, BEGET_TYPE_INT) m(unsigned, BEGET_TYPE_UINT) \
	m(long, BEGET_TYPE_LONG) m(unsigned long, BEGET_TYPE_ULONG) \
	m(long long, BEGET_TYPE_LLONG) m(unsigned long long, BEGET_TYPE_ULLONG) \
	m(float, BEGET_TYPE_FLOAT) m(double, BEGET_TYPE_DOUBLE) \
	m(struct beget_bytes, BEGET_TYPE_BYTES)
#define BEGET__EACH(m) BEGET__EACH_RESULT(m) m(struct beget_fd, BEGET_TYPE_FD)

#define BEGET__AS_CODE(t, code)    t: code,
#define BEGET__AS_CHAR(t, code)    t: (char *)0,

#define BEGET__VALUE(x) ((void)0, (x))

/* 5 is the builtin's class of pointers; arrays and functions have become pointers here. */
#define BEGET__IS_POINTER(x) (__builtin_classify_type(BEGET__VALUE(x)) == 5)

/* What a pointer argument points to; for a value a harmless char, so that *BEGET__POINTER(x) always compiles. */
#define BEGET__POINTER(x) _Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_CHAR) \
	long double: (struct BEGET_CANNOT_SEND_A_long_double *)0, \
	void *: (struct BEGET_CANNOT_SEND_A_void_POINTER *)0, \
	const void *: (struct BEGET_CANNOT_SEND_A_void_POINTER *)0, default: __builtin_choose_expr( \
	BEGET__IS_POINTER(x), (x), (struct BEGET_CANNOT_SEND_THIS_TYPE_BY_VALUE_SEND_ITS_ADDRESS *)0))

#define BEGET__RAW_T(x) __typeof__(BEGET__VALUE(x))
#define BEGET__T(x) __typeof__(_Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_ITSELF) \
	default: __builtin_choose_expr(BEGET__IS_POINTER(x), (const __typeof__(*BEGET__POINTER(x)) *)0, (x))))
#define BEGET__AS_ITSELF(t, code)  t: *(t *)0,

#define BEGET__CODE(x) _Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_CODE) \
	char *: BEGET_TYPE_STRING, const char *: BEGET_TYPE_STRING, default: BEGET_TYPE_OBJECT)

/* An array argument sends all of itself. */
#define BEGET__IS_ARRAY(x) (!__builtin_types_compatible_p(__typeof__(x), __typeof__(BEGET__VALUE(x))))
#define BEGET__SIZE(x) (BEGET__IS_ARRAY(x) ? sizeof(__typeof__(x)) : sizeof(*BEGET__POINTER(x)))

/* 5 and 10 are the builtin's classes of pointers and functions. */
#define BEGET__FLAT(x) (__builtin_classify_type(*BEGET__POINTER(x)) != 5 && \
	__builtin_classify_type(*BEGET__POINTER(x)) != 10)
#define BEGET__FLAT_CHECK(x) sizeof(*__builtin_choose_expr(BEGET__FLAT(x), (char *)0, \
	(struct BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION *)0))

#define BEGET__ARG(x) { BEGET__CODE(x), 0 * BEGET__FLAT_CHECK(x), BEGET__SIZE(x), (BEGET__T(x)[1]){ (x) } }

/* The result type, from a pointer to it: there are pointers to void, but no values. */
#define BEGET__RESULT(p) _Generic((p), void *: BEGET_TYPE_VOID, BEGET__RESULTS)
#define BEGET__RESULTS BEGET__EACH_RESULT(BEGET__AS_RESULT) \
	char **: BEGET_TYPE_STRING, const char **: BEGET_TYPE_STRING
#define BEGET__AS_RESULT(t, code) t *: code,

/* A function without prototype is compatible with a parameter of any type, even one that nobody can have. */
#define BEGET__CHECK(f, result, params, raw) \
	(sizeof(*_Generic((f), result (*)(struct beget__never_a_parameter): \
		(struct BEGET_FUNCTION_HAS_NO_PROTOTYPE *)0, default: (char *)0)) + \
	 sizeof(*_Generic((f), result (*)params: (char *)0, default: _Generic((f), result (*)raw: \
		(struct BEGET_CANNOT_CALL_A_FUNCTION_WITH_A_POINTER_PARAMETER_THAT_IS_NOT_CONST *)0, default: \
		(struct BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY_THE_PARAMETERS_CAST_THEM *)0))))

#define BEGET__MAP1(m, a)       m(a)
#define BEGET__MAP2(m, a, ...)  m(a), BEGET__MAP1(m, __VA_ARGS__)
#define BEGET__MAP3(m, a, ...)  m(a), BEGET__MAP2(m, __VA_ARGS__)
#define BEGET__MAP4(m, a, ...)  m(a), BEGET__MAP3(m, __VA_ARGS__)
#define BEGET__MAP5(m, a, ...)  m(a), BEGET__MAP4(m, __VA_ARGS__)
#define BEGET__MAP6(m, a, ...)  m(a), BEGET__MAP5(m, __VA_ARGS__)
#define BEGET__MAP7(m, a, ...)  m(a), BEGET__MAP6(m, __VA_ARGS__)
#define BEGET__MAP8(m, a, ...)  m(a), BEGET__MAP7(m, __VA_ARGS__)
#define BEGET__MAP9(m, a, ...)  m(a), BEGET__MAP8(m, __VA_ARGS__)
#define BEGET__MAP10(m, a, ...) m(a), BEGET__MAP9(m, __VA_ARGS__)

#define BEGET__CALL0(f) (&(const struct beget_call){ (void (*)(void))(f), BEGET__RESULT((__typeof__((f)()) *)0) + \
	0 * BEGET__CHECK(f, __typeof__((f)()), (void), (void)), 0, 0 })
#define BEGET__CALLN(n, map, f, ...) (&(const struct beget_call){ (void (*)(void))(f), \
	BEGET__RESULT((__typeof__((f)(__VA_ARGS__)) *)0) + 0 * BEGET__CHECK(f, __typeof__((f)(__VA_ARGS__)), \
		(map(BEGET__T, __VA_ARGS__)), (map(BEGET__RAW_T, __VA_ARGS__))), \
	n, (const struct beget_arg[]){ map(BEGET__ARG, __VA_ARGS__) } })
#define BEGET__CALL1(...)  BEGET__CALLN(1, BEGET__MAP1, __VA_ARGS__)
#define BEGET__CALL2(...)  BEGET__CALLN(2, BEGET__MAP2, __VA_ARGS__)
#define BEGET__CALL3(...)  BEGET__CALLN(3, BEGET__MAP3, __VA_ARGS__)
#define BEGET__CALL4(...)  BEGET__CALLN(4, BEGET__MAP4, __VA_ARGS__)
#define BEGET__CALL5(...)  BEGET__CALLN(5, BEGET__MAP5, __VA_ARGS__)
#define BEGET__CALL6(...)  BEGET__CALLN(6, BEGET__MAP6, __VA_ARGS__)
#define BEGET__CALL7(...)  BEGET__CALLN(7, BEGET__MAP7, __VA_ARGS__)
#define BEGET__CALL8(...)  BEGET__CALLN(8, BEGET__MAP8, __VA_ARGS__)
#define BEGET__CALL9(...)  BEGET__CALLN(9, BEGET__MAP9, __VA_ARGS__)
#define BEGET__CALL10(...) BEGET__CALLN(10, BEGET__MAP10, __VA_ARGS__)
#define BEGET__CALL11(...) (sizeof(struct BEGET_CALL_TAKES_AT_MOST_TEN_ARGUMENTS), (const struct beget_call *)0)
#define BEGET__PICK(f, a, b, c, d, e, g, h, i, j, k, over, name, ...) name

/* The call of function f with up to ten arguments; it lives as long as the block it is written in. BEGET_CALL(3) */
#define BEGET_CALL(...) BEGET__PICK(__VA_ARGS__, BEGET__CALL11, BEGET__CALL10, BEGET__CALL9, BEGET__CALL8, \
	BEGET__CALL7, BEGET__CALL6, BEGET__CALL5, BEGET__CALL4, BEGET__CALL3, BEGET__CALL2, BEGET__CALL1, \
	BEGET__CALL0, )(__VA_ARGS__)

/* Arguments: a run of bytes; an open descriptor. */
#define BEGET_BYTES(p, n) ((struct beget_bytes){ (p), (n) })
#define BEGET_FD(number)  ((struct beget_fd){ (number) })

/* Standard streams: none; an open descriptor; a pipe, whose other end *end receives; a file; for err: what out is. */
#define BEGET_STREAM_NULL       ((struct beget_stream){ .kind = BEGET_TO_NULL })
#define BEGET_STREAM_FD(number) ((struct beget_stream){ .kind = BEGET_TO_FD, .fd = (number) })
#define BEGET_STREAM_PIPE(end_) ((struct beget_stream){ .kind = BEGET_TO_PIPE, .end = (end_) })
#define BEGET_STREAM_FILE(name) ((struct beget_stream){ .kind = BEGET_TO_FILE, .path = (name) })
#define BEGET_STREAM_OUT        ((struct beget_stream){ .kind = BEGET_TO_OUT })

/* Options of one start, as .field = value, ... beget_options(3) */
#define BEGET_OPTIONS(...) (&(const struct beget_options){ .size = sizeof(struct beget_options), __VA_ARGS__ })

/* Copies what the target returned into *ret, whose type must be the target's result type. beget_join(3) */
#define beget_result(process, ret) beget_result_as((process), _Generic((ret), BEGET__RESULTS), (ret))

/* clang-format on */
#endif
