/* BEGET_CALL, BEGET_OPTIONS and beget_result: the macros that take types from the compiler (C11 and later).
 *
 * BEGET_CALL(f, a, b) fills a struct beget_call on the stack of the enclosing block. It describes each argument twice:
 *
 *   BEGET__T(a)       the parameter type that a stands for: a number's own type, const T * for a pointer to T, and
 *                     what the box says for BEGET_OUT and the like;
 *   BEGET__ARG(i, a)  a struct beget_arg for position i: type code, flags, size of the object behind a pointer, and the
 *                     address of a copy.
 *
 * A _Generic then checks that f is a function of exactly these parameter types. A call that breaks a rule takes the
 * size of a struct that is never defined. The compiler's message shows the name of that struct, which says which
 * argument is wrong and what to do. If the types do not match, the message beside it shows both function types.
 *
 * Most questions about types are asked in statement expressions inside sizeof or typeof, which are never evaluated: a
 * type can have a name there, so that it is written once. BEGET_CALL itself is evaluated; the arguments are evaluated
 * once, where their copies are made. */
#ifndef BEGET_CALL_H
#define BEGET_CALL_H

/* Before version 11, gcc takes the designated fields before a compound literal, as in BEGET_OPTIONS, for others. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 11
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

/* The types that are passed by value, as m(type, code). EACH_NUMBER lists numbers, EACH_RESULT the types of results,
 * EACH those of parameters. */
/* clang-format off */
#define BEGET__EACH_NUMBER(m) \
	m(_Bool, BEGET_TYPE_BOOL) m(char, BEGET_TYPE_CHAR) \
	m(signed char, BEGET_TYPE_SCHAR) m(unsigned char, BEGET_TYPE_UCHAR) \
	m(short, BEGET_TYPE_SHORT) m(unsigned short, BEGET_TYPE_USHORT) \
	m(int, BEGET_TYPE_INT) m(unsigned, BEGET_TYPE_UINT) \
	m(long, BEGET_TYPE_LONG) m(unsigned long, BEGET_TYPE_ULONG) \
	m(long long, BEGET_TYPE_LLONG) m(unsigned long long, BEGET_TYPE_ULLONG) \
	m(float, BEGET_TYPE_FLOAT) m(double, BEGET_TYPE_DOUBLE)
#define BEGET__EACH_RESULT(m) BEGET__EACH_NUMBER(m) \
	m(struct beget_bytes, BEGET_TYPE_BYTES) m(struct beget_buffer *, BEGET_TYPE_BUFFER)
#define BEGET__EACH(m) BEGET__EACH_RESULT(m) m(struct beget_fd, BEGET_TYPE_FD)

#define BEGET__EACH_STRINGS(m) m(char **, BEGET_TYPE_STRINGS) m(char *const *, BEGET_TYPE_STRINGS) \
	m(const char **, BEGET_TYPE_STRINGS) m(const char *const *, BEGET_TYPE_STRINGS)

#define BEGET__AS_ITSELF(t, code) t: (t *)0,
#define BEGET__AS_CODE(t, code)   t: code,
#define BEGET__AS_CHAR(t, code)   t: (char *)0,

#define BEGET__VALUE(x)   ((void)0, (x))
#define BEGET__SAME(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))

/* The builtin's classes: 1 to 4 an integer, 5 a pointer, 8 and 9 real and complex numbers, 10 a function, 12 a struct. */
#define BEGET__CLASS(x)     __builtin_classify_type(x)
#define BEGET__IS_DEEP(p)   (BEGET__CLASS(*(p)) == 5 || BEGET__CLASS(*(p)) == 10)
#define BEGET__IS_NUMBER(x) (BEGET__CLASS(x) < 5 || BEGET__CLASS(x) == 8 || BEGET__CLASS(x) == 9)

/* To the compiler, a string literal and a null pointer are constants, but the address of a variable is not. */
#define BEGET__IS_CONSTANT(p) __builtin_choose_expr(__builtin_constant_p(p), 1, 0)

/* Evaluates e, an expression about the argument x. Only types are used; x itself is never evaluated. In e:
 *   beget__x  the argument's value;
 *   beget__p  the argument if it is a pointer to a complete type, else a harmless pointer;
 *   beget__d  the argument if it can be dereferenced twice (a pointer to a pointer, array or function), else a harmless
 *             pointer;
 *   beget__a  the argument if it is a pointer to an array, else a harmless pointer;
 *   beget__n  the length of that array. */
#define BEGET__ABOUT(x, e) __extension__({ \
	__typeof__(BEGET__VALUE(x)) beget__x; \
	__typeof__(_Generic(beget__x, void *: (char *)0, const void *: (char *)0, struct beget_buffer *: (char *)0, \
		default: __builtin_choose_expr(BEGET__CLASS(beget__x) == 5, beget__x, (char *)0))) beget__p; \
	__typeof__(__builtin_choose_expr(BEGET__IS_DEEP(beget__p), beget__p, (char **)0)) beget__d; \
	enum { beget__is_function = BEGET__SAME(*beget__d, **beget__d) }; \
	__typeof__(__builtin_choose_expr(beget__is_function || BEGET__SAME(*beget__d, BEGET__VALUE(*beget__d)), \
		(char (*)[1])0, beget__d)) beget__a; \
	enum { beget__n = sizeof(*beget__a) / sizeof(**beget__a), beget__is_box = beget__n / 4096 == BEGET__BOX_MARK }; \
	(e); })
#define BEGET__NUMBER(x, n) ((unsigned)sizeof(*BEGET__ABOUT(x, (char (*)[(n) + 1])0)) - 1)

/* A box adds what a bare argument lacks: direction and size. The type of a box is a pointer to an array of the
 * parameter's type. The absurd length of that array marks a box and says which kind it is. */
#define BEGET__BOX_MARK     0xb7e
#define BEGET__BOX_CONSTANT 0x8 /* a flag: the memory is const */
#define BEGET__BOX(type, flags) (BEGET__BOX_MARK * 4096 + (type) * 16 + (flags))
struct beget__box {
	const void *value;
	size_t size;
	const struct beget_layout *layout;
};

/* The parameter type that an argument stands for. If no parameter can have that type, the argument's own type. */
#define BEGET__T(x) __typeof__(*_Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_ITSELF) default: BEGET__ABOUT(x, \
	__builtin_choose_expr(beget__is_box, *beget__a, __builtin_choose_expr( \
	beget__is_function || BEGET__CLASS(beget__x) != 5, &beget__x, \
	(const __typeof__(*__builtin_choose_expr(beget__is_function, (char *)0, beget__p)) **)0)))))
#define BEGET__RAW_T(x) __typeof__(*BEGET__ABOUT(x, __builtin_choose_expr(beget__is_box, *beget__a, &beget__x)))

/* The value of an argument: only its type is used. There are no parentheses and no __builtin_choose_expr around it,
 * because gcc would place a warning about it here, and suppress the warning if this is a system header. */
#define BEGET__PLAIN(x) _Generic((char (*)[BEGET__NUMBER(x, beget__is_box) + 1])0, \
	char (*)[1]: x, default: *(volatile BEGET__RAW_T(x) *)0)

#define BEGET__CODE(x) _Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_CODE) \
	char *: BEGET_TYPE_STRING, const char *: BEGET_TYPE_STRING, BEGET__EACH_STRINGS(BEGET__AS_CODE) default: BEGET__NUMBER(x, \
	beget__is_box ? beget__n / 16 % 256 : beget__is_function ? BEGET_TYPE_FUNCTION : BEGET_TYPE_OBJECT))
#define BEGET__FLAGS(x) BEGET__NUMBER(x, beget__is_box ? beget__n % 16 : 0)

/* An array as an argument is passed as a whole. */
#define BEGET__IS_ARRAY(x) (!BEGET__SAME(x, BEGET__VALUE(x)))
#define BEGET__SIZE(x) sizeof(*__builtin_choose_expr(BEGET__NUMBER(x, beget__is_function || beget__is_box), (char *)0, \
	__builtin_choose_expr(BEGET__IS_ARRAY(x), (__typeof__(x) *)0, BEGET__ABOUT(x, beget__p))))

/* Has size 1 if the argument can be passed. A plain pointer to a number cannot: it is most often the start of an array
 * of unknown length. */
#define BEGET__CAN_GO(i, x) sizeof(*_Generic(BEGET__VALUE(x), BEGET__EACH(BEGET__AS_CHAR) \
	char *: (char *)0, const char *: (char *)0, BEGET__EACH_STRINGS(BEGET__AS_CHAR) \
	long double: (struct BEGET_ARGUMENT_##i##_IS_A_long_double *)0, \
	void *: (struct BEGET_ARGUMENT_##i##_IS_A_void_POINTER_USE_BEGET_IN_OR_OUT *)0, \
	const void *: (struct BEGET_ARGUMENT_##i##_IS_A_void_POINTER_USE_BEGET_IN_OR_OUT *)0, default: BEGET__ABOUT(x, \
	__builtin_choose_expr(BEGET__CLASS(beget__x) != 5, \
	(struct BEGET_ARGUMENT_##i##_CANNOT_BE_SENT_BY_VALUE_SEND_ITS_ADDRESS_OR_USE_BEGET_STRUCT *)0, \
	__builtin_choose_expr(beget__is_box && beget__n & BEGET__BOX_CONSTANT, \
	(struct BEGET_ARGUMENT_##i##_IS_A_LITERAL_OR_NULL_USE_A_VARIABLE_OR_BEGET_NULL *)0, \
	__builtin_choose_expr(BEGET__IS_DEEP(beget__p) && !beget__is_function && !beget__is_box, \
	(struct BEGET_ARGUMENT_##i##_IS_A_POINTER_TO_A_POINTER *)0, \
	__builtin_choose_expr(BEGET__IS_NUMBER(*beget__p) && !BEGET__IS_ARRAY(x), \
	(struct BEGET_ARGUMENT_##i##_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN *)0, (char *)0)))))))

#define BEGET__ARG(i, x) { BEGET__CODE(x), BEGET__FLAGS(x) + 0 * BEGET__CAN_GO(i, x), BEGET__SIZE(x), \
	(const void *)(__typeof__(BEGET__VALUE(x))[1]){ (x) }, 0 }

/* The result type, taken from a pointer to it, because there are pointers to void but no values of it. */
#define BEGET__RESULT(p) (_Generic((p), void *: BEGET_TYPE_VOID, BEGET__RESULTS, default: BEGET_TYPE_STRUCT) + \
	0 * sizeof(*_Generic((p), void *: (char *)0, BEGET__EACH_RESULT(BEGET__AS_NONE) char **: (char *)0, \
	const char **: (char *)0, default: __builtin_choose_expr(BEGET__CLASS(*BEGET__TO(p)) == 12, (char *)0, \
	(struct BEGET_CANNOT_RETURN_THIS_TYPE *)0))))
#define BEGET__AS_NONE(t, code)   t *: (char *)0,
#define BEGET__TO(p) _Generic((p), void *: (char *)0, default: (p))
#define BEGET__RESULTS BEGET__EACH_RESULT(BEGET__AS_RESULT) \
	char **: BEGET_TYPE_STRING, const char **: BEGET_TYPE_STRING
#define BEGET__AS_RESULT(t, code) t *: code,

/* m(i, x) for each argument x at position i, separated by s(). */
#define BEGET__MAP1(m, s, a)                            m(1, a)
#define BEGET__MAP2(m, s, a, b)                          BEGET__MAP1(m, s, a) s() m(2, b)
#define BEGET__MAP3(m, s, a, b, c)                       BEGET__MAP2(m, s, a, b) s() m(3, c)
#define BEGET__MAP4(m, s, a, b, c, d)                    BEGET__MAP3(m, s, a, b, c) s() m(4, d)
#define BEGET__MAP5(m, s, a, b, c, d, e)                 BEGET__MAP4(m, s, a, b, c, d) s() m(5, e)
#define BEGET__MAP6(m, s, a, b, c, d, e, f)              BEGET__MAP5(m, s, a, b, c, d, e) s() m(6, f)
#define BEGET__MAP7(m, s, a, b, c, d, e, f, g)           BEGET__MAP6(m, s, a, b, c, d, e, f) s() m(7, g)
#define BEGET__MAP8(m, s, a, b, c, d, e, f, g, h)        BEGET__MAP7(m, s, a, b, c, d, e, f, g) s() m(8, h)
#define BEGET__MAP9(m, s, a, b, c, d, e, f, g, h, i)     BEGET__MAP8(m, s, a, b, c, d, e, f, g, h) s() m(9, i)
#define BEGET__MAP10(m, s, a, b, c, d, e, f, g, h, i, j) BEGET__MAP9(m, s, a, b, c, d, e, f, g, h, i) s() m(10, j)
#define BEGET__NOTHING()
#define BEGET__COMMA() ,

/* Names the parameter types that the arguments stand for. */
#define BEGET__TYPEDEF(i, x) typedef BEGET__T(x) beget__t##i;
#define BEGET__PARAMS1  beget__t1
#define BEGET__PARAMS2  BEGET__PARAMS1, beget__t2
#define BEGET__PARAMS3  BEGET__PARAMS2, beget__t3
#define BEGET__PARAMS4  BEGET__PARAMS3, beget__t4
#define BEGET__PARAMS5  BEGET__PARAMS4, beget__t5
#define BEGET__PARAMS6  BEGET__PARAMS5, beget__t6
#define BEGET__PARAMS7  BEGET__PARAMS6, beget__t7
#define BEGET__PARAMS8  BEGET__PARAMS7, beget__t8
#define BEGET__PARAMS9  BEGET__PARAMS8, beget__t9
#define BEGET__PARAMS10 BEGET__PARAMS9, beget__t10

/* The forms in which BEGET__CALL below uses the arguments. */
#define BEGET__AS_PLAIN(i, x) BEGET__PLAIN(x)
#define BEGET__AS_RAW(i, x)   BEGET__RAW_T(x)
#define BEGET__AS_DOTS(i, x)  beget__r (*)(BEGET__PARAMS##i, ...): i,

/* Checks that f is a function with exactly these parameters, or a variadic one; beget__named counts the named
 * parameters of a variadic function. A function without a prototype is compatible with any parameters, even of types
 * that no argument can have. The code after if (0) exists only for the compiler's diagnostics: wrong types, wrong
 * formats. */
#define BEGET__CALL(f, values, types, params, raw, dots, n, args) beget__call(&(struct beget_call){ 0 }, args, \
	__extension__({ \
		typedef __typeof__((f)values) beget__r; \
		types \
		enum { beget__named = _Generic((f), dots default: 0) }; \
		(void)sizeof(*_Generic((f), beget__r (*)(struct beget__never_a_parameter): \
			(struct BEGET_FUNCTION_HAS_NO_PROTOTYPE *)0, default: (char *)0)); \
		(void)sizeof(*_Generic((f), beget__r (*)params: (char *)0, default: \
			__builtin_choose_expr(beget__named > 0, (char *)0, _Generic((f), beget__r (*)raw: \
			(struct BEGET_A_POINTER_PARAMETER_IS_NOT_CONST_USE_BEGET_INOUT *)0, \
			default: (struct BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY_THE_PARAMETERS_CAST_THEM *)0)))); \
		if (0) { \
			__typeof__(__builtin_choose_expr(beget__named > 0, BEGET__VALUE(f), (beget__r (*)params)0)) \
				beget__given = (f); \
			(void)beget__given; \
			(void)__builtin_constant_p(__builtin_choose_expr(BEGET__SAME(beget__r, void), 0, (f)values)); \
		} \
		(struct beget_call){ (void (*)(void))(f), BEGET__RESULT((beget__r *)0), n, 0, beget__named, 0, \
			sizeof(*BEGET__TO((beget__r *)0)), 0 }; \
	}))
struct beget__never_a_parameter;
static inline const struct beget_call *beget__call(struct beget_call *ret, const struct beget_arg *args,
                                                   struct beget_call call)
{
	*ret = call;
	ret->args = args;
	return ret;
}

#define BEGET__CALL0(f) BEGET__CALL(f, (), , (void), (void), , 0, 0)
#define BEGET__CALLN(n, f, ...) BEGET__CALL(f, (BEGET__MAP##n(BEGET__AS_PLAIN, BEGET__COMMA, __VA_ARGS__)), \
	BEGET__MAP##n(BEGET__TYPEDEF, BEGET__NOTHING, __VA_ARGS__), (BEGET__PARAMS##n), \
	(BEGET__MAP##n(BEGET__AS_RAW, BEGET__COMMA, __VA_ARGS__)), \
	BEGET__MAP##n(BEGET__AS_DOTS, BEGET__NOTHING, __VA_ARGS__), \
	n, ((const struct beget_arg[]){ BEGET__MAP##n(BEGET__ARG, BEGET__COMMA, __VA_ARGS__) }))
#define BEGET__CALL1(...)  BEGET__CALLN(1, __VA_ARGS__)
#define BEGET__CALL2(...)  BEGET__CALLN(2, __VA_ARGS__)
#define BEGET__CALL3(...)  BEGET__CALLN(3, __VA_ARGS__)
#define BEGET__CALL4(...)  BEGET__CALLN(4, __VA_ARGS__)
#define BEGET__CALL5(...)  BEGET__CALLN(5, __VA_ARGS__)
#define BEGET__CALL6(...)  BEGET__CALLN(6, __VA_ARGS__)
#define BEGET__CALL7(...)  BEGET__CALLN(7, __VA_ARGS__)
#define BEGET__CALL8(...)  BEGET__CALLN(8, __VA_ARGS__)
#define BEGET__CALL9(...)  BEGET__CALLN(9, __VA_ARGS__)
#define BEGET__CALL10(...) BEGET__CALLN(10, __VA_ARGS__)
#define BEGET__CALL11(...) (sizeof(struct BEGET_CALL_TAKES_AT_MOST_TEN_ARGUMENTS), (const struct beget_call *)0)
#define BEGET__PICK(f, a, b, c, d, e, g, h, i, j, k, over, name, ...) name

/* A call of function f with up to ten arguments; it lives as long as the enclosing block. BEGET_CALL(3) */
#define BEGET_CALL(...) BEGET__PICK(__VA_ARGS__, BEGET__CALL11, BEGET__CALL10, BEGET__CALL9, BEGET__CALL8, \
	BEGET__CALL7, BEGET__CALL6, BEGET__CALL5, BEGET__CALL4, BEGET__CALL3, BEGET__CALL2, BEGET__CALL1, \
	BEGET__CALL0, )(__VA_ARGS__)

/* A call of a function that returns a struct, with the layout of that struct. BEGET_CALL(3) */
#define BEGET_RETURNS(layout, call) beget__returns(&(struct beget_call){ 0 }, (layout), (call))
static inline const struct beget_call *beget__returns(struct beget_call *ret, const struct beget_layout *layout,
                                                      const struct beget_call *call)
{
	*ret = *call;
	ret->layout = layout;
	return ret;
}

/* Arguments: bytes; an open descriptor. */
#define BEGET_BYTES(p, n) ((struct beget_bytes){ (p), (n) })
#define BEGET_FD(number)  ((struct beget_fd){ (number) })

/* Arguments: the n objects at p, or n bytes if p is a void *; without n, the object at p or the whole array p. IN
 * passes them to the target, OUT copies them back to the caller, INOUT does both. */
#define BEGET_IN(...)    BEGET__SPAN(BEGET__READ, 0, __VA_ARGS__)
#define BEGET_OUT(...)   BEGET__SPAN(BEGET__WRITE, BEGET_ARG_OUT, __VA_ARGS__)
#define BEGET_INOUT(...) BEGET__SPAN(BEGET__WRITE, BEGET_ARG_INOUT, __VA_ARGS__)

/* Arguments: a null pointer of any pointer type; strings and then NULL, for a parameter of type char **; a struct by
 * value with its layout. */
#define BEGET_NULL(type) BEGET__BOXED(type, BEGET_TYPE_RAW, 0, 0)
#define BEGET_STRINGS(v) BEGET__BOXED(char **, BEGET_TYPE_STRINGS, 0, (1 ? (v) : (char **)0), 0, 0)
#define BEGET_STRUCT(layout, x) BEGET__BOXED(__typeof__(x), BEGET_TYPE_STRUCT, 0, \
	(__typeof__(x)[1]){ (x) }, sizeof(x), (layout))

/* A layout, as in BEGET_LAYOUT(struct point, BEGET_MEMBER(struct point, x), BEGET_MEMBER(struct point, y)). */
#define BEGET_LAYOUT(type, ...) (&(const struct beget_layout){ sizeof(type), _Alignof(type), \
	sizeof((const struct beget_member[]){ __VA_ARGS__ }) / sizeof(struct beget_member), \
	(const struct beget_member[]){ __VA_ARGS__ } })
#define BEGET_MEMBER(type, name) { BEGET__MEMBER_CODE(((type *)0)->name), \
	sizeof(((type *)0)->name) / sizeof(BEGET__ELEMENT(((type *)0)->name)), offsetof(type, name), 0 }
#define BEGET_MEMBER_STRUCT(type, name, layout) { BEGET_TYPE_STRUCT, \
	sizeof(((type *)0)->name) / sizeof(BEGET__ELEMENT(((type *)0)->name)), offsetof(type, name), (layout) }
#define BEGET__ELEMENT(x) (*__builtin_choose_expr(BEGET__IS_ARRAY(x), (x), &(x)))
#define BEGET__MEMBER_CODE(x) (_Generic(BEGET__ELEMENT(x), BEGET__EACH_NUMBER(BEGET__AS_CODE) \
	default: BEGET_TYPE_RAW) + \
	0 * sizeof(*_Generic(BEGET__ELEMENT(x), BEGET__EACH_NUMBER(BEGET__AS_CHAR) default: __builtin_choose_expr( \
	BEGET__CLASS(BEGET__ELEMENT(x)) == 5 && !BEGET__IS_ARRAY(BEGET__ELEMENT(x)), (char *)0, \
	(struct BEGET_MEMBER_TAKES_NUMBERS_AND_POINTERS_USE_BEGET_MEMBER_STRUCT *)0))))

#define BEGET__READ(p)  0, const __typeof__(*(p)) *, (p)
#define BEGET__WRITE(p) BEGET__IS_CONSTANT(p) * BEGET__BOX_CONSTANT, __typeof__(*(p)) *, beget__writable(p)
#define BEGET__BOXED(type, code, flags, ...) \
	((__typeof__(type) (*)[BEGET__BOX(code, BEGET_ARG_BOXED | (flags))])(void *)&(struct beget__box){ __VA_ARGS__ })
#define BEGET__SPAN(how, flags, ...) \
	BEGET__SPAN_PICK(__VA_ARGS__, BEGET__SPAN2, BEGET__SPAN1, )(how, flags, __VA_ARGS__)
#define BEGET__SPAN_PICK(p, n, name, ...) name
#define BEGET__SPAN1(how, flags, p) BEGET__SPAN0(flags, how(p), BEGET__IS_ARRAY(p) ? sizeof(p) : sizeof(*(p)))
#define BEGET__SPAN2(how, flags, p, n) BEGET__SPAN0(flags, how(p), beget__times((n), sizeof(*BEGET__BYTEWISE(p))))
#define BEGET__SPAN0(...) BEGET__SPAN_(__VA_ARGS__)
#define BEGET__SPAN_(flags, constant, type, p, size) \
	BEGET__BOXED(type, BEGET_TYPE_OBJECT, (flags) | (constant), (p), (size), 0)
#define BEGET__BYTEWISE(p) _Generic((p), void *: (char *)0, const void *: (char *)0, default: (p))

static inline const void *beget__writable(void *p)
{
	return p;
}

/* A product that overflows becomes a size that no array has, and is refused. */
static inline size_t beget__times(size_t n, size_t size)
{
	size_t product;

	return __builtin_mul_overflow(n, size, &product) ? (size_t)-1 : product;
}

/* Standard streams: none; an open descriptor; a pipe, whose other end is stored in *end; a file; for err, the same as
 * out. */
#define BEGET_STREAM_NULL       ((struct beget_stream){ .kind = BEGET_TO_NULL })
#define BEGET_STREAM_FD(number) ((struct beget_stream){ .kind = BEGET_TO_FD, .fd = (number) })
#define BEGET_STREAM_PIPE(end_) ((struct beget_stream){ .kind = BEGET_TO_PIPE, .end = (end_) })
#define BEGET_STREAM_FILE(name) ((struct beget_stream){ .kind = BEGET_TO_FILE, .path = (name) })
#define BEGET_STREAM_OUT        ((struct beget_stream){ .kind = BEGET_TO_OUT })

/* Resource limits in options, as { RLIMIT_CPU, soft, hard }, ... */
#define BEGET_RLIMITS(...) .rlimits = (const struct beget_rlimit[]){ __VA_ARGS__ }, \
	.rlimits_n = sizeof((const struct beget_rlimit[]){ __VA_ARGS__ }) / sizeof(struct beget_rlimit)

/* Options of one start, as .field = value, ... beget_options(3) */
#define BEGET_OPTIONS(...) (&(const struct beget_options){ .size = sizeof(struct beget_options), __VA_ARGS__ })

/* Options of a server, as .field = value, ... beget_server(3) */
#define BEGET_SERVER_OPTIONS(...) \
	(&(const struct beget_server_options){ .size = sizeof(struct beget_server_options), __VA_ARGS__ })

/* Copies the target's result to *ret, whose type must be the result type. beget_join(3) */
#define beget_result(process, ret) \
	beget_result_as((process), BEGET__RESULT(ret) + 0 * sizeof(*__builtin_choose_expr( \
	BEGET__IS_ARRAY(ret) && BEGET__IS_CONSTANT(ret), (struct BEGET_RESULT_GOES_TO_A_LITERAL *)0, (char *)0)), \
	sizeof(*BEGET__TO(ret)), (ret))

/* clang-format on */
#endif
