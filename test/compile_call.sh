#!/bin/sh
# Wrong calls do not compile, and the compiler's message names the struct that says what to do; right calls compile
# without a warning. Each compiler that is installed, C11 and C2x.
. test/tap

# The name, and the status of the test just made; of what the compiler says the errors and warnings are shown.
judge() {
	[ "$2" -eq 0 ] || sed -i '/error\|warning/!d' "$tmp/out"
	report "$1" "$2"
}

# What the expressions below may name.
cat >"$tmp/names.h" <<'END'
#include <beget.h>
#include <stdio.h>
struct point { int x, y; };
struct line { struct point from, to; };
struct opaque;
int take_buffer(struct beget_buffer *);
extern struct beget_buffer *buffer;
extern const struct beget_layout *point_layout;
void take_none(void);
int take_int(int);
int take_two(int, int);
int take_int64(long long);
int take_short(short);
int take_unsigned(unsigned);
int take_float(float);
int take_double(double);
int take_bool(_Bool);
int take_string(const char *);
int take_char_pointer(char *);
int take_const_void(const void *);
int take_void(void *);
int take_strings(const char *const *);
int take_function(void (*)(void));
void take_none_at_all(void);
int take_point(const struct point *);
int take_other_point(struct point *);
int take_point_value(struct point);
int take_opaque(const struct opaque *);
int take_ints(const int *);
int take_writable_ints(int *);
int take_long_double(long double);
int take_bytes(struct beget_bytes);
int take_many(const char *, ...);
int take_eleven(int, int, int, int, int, int, int, int, int, int, int);
long double give_long_double(void);
struct point give_point(void);
int *give_pointer(void);
#ifdef NO_PROTOTYPES
int take_anything();
#endif
extern char text[8], **texts;
extern const char *string;
extern int ints[3], number;
extern void *nothing;
extern const void *const_nothing;
extern struct point point;
extern struct opaque *opaque;
extern void (*function)(void);
extern struct beget_process *process;
extern long double *long_double;
extern const int *const_number;
extern struct point *point_pointer;
extern int *number_pointer;
END

# One row each: name | expression | a text of the message; "warning free" where the expression is right. What the
# compilers themselves say differs in the words, so these texts are short.
cat >"$tmp/table" <<'END'
right call | BEGET_CALL(take_two, 1, 2) | warning free
right call of a pointer | BEGET_CALL(take_point, &point) | warning free
right call with a cast | BEGET_CALL(take_short, (short)1) | warning free
right result | beget_result(process, &number) | warning free
void pointer | BEGET_CALL(take_const_void, nothing) | BEGET_CANNOT_SEND_A_void_POINTER
void pointer to a typed parameter | BEGET_CALL(take_ints, nothing) | BEGET_CANNOT_SEND_A_void_POINTER
const void pointer | BEGET_CALL(take_const_void, const_nothing) | BEGET_CANNOT_SEND_A_void_POINTER
bare NULL | BEGET_CALL(take_string, NULL) | BEGET_CANNOT_SEND_A_void_POINTER
void * parameter | BEGET_CALL(take_void, nothing) | BEGET_CANNOT_SEND_A_void_POINTER
typed pointer to a void parameter | BEGET_CALL(take_const_void, &number) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
pointer to a pointer | BEGET_CALL(take_strings, texts) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER
address of a pointer | BEGET_CALL(take_strings, &string) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER
pointer to a function | BEGET_CALL(take_function, function) | warning free
function name as argument | BEGET_CALL(take_function, take_none_at_all) | warning free
address of a function as argument | BEGET_CALL(take_function, &take_none_at_all) | warning free
function of another type as argument | BEGET_CALL(take_function, take_int) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
pointer to an incomplete type | BEGET_CALL(take_opaque, opaque) | struct opaque
function without prototype | BEGET_CALL(take_anything, 1) | BEGET_FUNCTION_HAS_NO_PROTOTYPE
function without prototype or argument | BEGET_CALL(take_anything) | BEGET_FUNCTION_HAS_NO_PROTOTYPE
char * parameter | BEGET_CALL(take_char_pointer, text) | BEGET_CANNOT_CALL_A_FUNCTION_WITH_A_POINTER_PARAMETER_THAT_IS_NOT_CONST
non-const T * parameter | BEGET_CALL(take_other_point, &point) | BEGET_CANNOT_CALL_A_FUNCTION_WITH_A_POINTER_PARAMETER_THAT_IS_NOT_CONST
array to a non-const T * parameter | BEGET_CALL(take_writable_ints, ints) | BEGET_CANNOT_CALL_A_FUNCTION_WITH_A_POINTER_PARAMETER_THAT_IS_NOT_CONST
long double argument | BEGET_CALL(take_long_double, 1.0L) | BEGET_CANNOT_SEND_A_long_double
int to a long long parameter | BEGET_CALL(take_int64, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a short parameter | BEGET_CALL(take_short, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to an unsigned parameter | BEGET_CALL(take_unsigned, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a bool parameter | BEGET_CALL(take_bool, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
double to a float parameter | BEGET_CALL(take_float, 0.5) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a double parameter | BEGET_CALL(take_double, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
string to a pointer to int | BEGET_CALL(take_ints, text) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
second argument wrong | BEGET_CALL(take_two, 1, 2L) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
variadic function | BEGET_CALL(take_many, string, 1, 2.0, (short)3) | warning free
variadic function without more arguments | BEGET_CALL(take_many, string) | warning free
variadic function, named argument wrong | BEGET_CALL(take_many, ints, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
variadic function, format wrong | BEGET_CALL(snprintf, BEGET_OUT(text), sizeof(text), "%d", "text") | warning: format
out array | BEGET_CALL(take_writable_ints, BEGET_OUT(ints)) | warning free
in and out, two of an array | BEGET_CALL(take_writable_ints, BEGET_INOUT(ints, 2u)) | warning free
out of one object | BEGET_CALL(take_writable_ints, BEGET_OUT(&number)) | warning free
in | BEGET_CALL(take_ints, BEGET_IN(number_pointer, 3u)) | warning free
void pointer in | BEGET_CALL(take_const_void, BEGET_IN(const_nothing, 3u)) | warning free
void pointer out | BEGET_CALL(take_void, BEGET_OUT(nothing, 3u)) | warning free
out of another type | BEGET_CALL(take_writable_ints, BEGET_OUT(text)) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
out to a const parameter | BEGET_CALL(take_ints, BEGET_OUT(ints)) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
in to a parameter that is not const | BEGET_CALL(take_writable_ints, BEGET_IN(ints)) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
out of what is const | BEGET_CALL(take_ints, BEGET_OUT(const_number)) | warning: discards
null pointer to a pointer | BEGET_CALL(take_strings, BEGET_NULL(const char *const *)) | warning free
null pointer of another type | BEGET_CALL(take_strings, BEGET_NULL(int *)) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
struct by value with its layout | BEGET_CALL(take_point_value, BEGET_STRUCT(point_layout, point)) | warning free
struct of another type with a layout | BEGET_CALL(take_int, BEGET_STRUCT(point_layout, point)) | error:
layout | BEGET_LAYOUT(struct point, BEGET_MEMBER(struct point, x), BEGET_MEMBER(struct point, y)) | warning free
member that is a struct | BEGET_LAYOUT(struct line, BEGET_MEMBER(struct line, from)) | BEGET_MEMBER_TAKES_NUMBERS_AND_POINTERS
buffer | BEGET_CALL(take_buffer, buffer) | warning free
too few arguments | BEGET_CALL(take_two, 1) | too few arguments
no argument where one is due | BEGET_CALL(take_int) | too few arguments
too many arguments | BEGET_CALL(take_two, 1, 2, 3) | too many arguments
an argument where none is due | BEGET_CALL(take_none, 1) | too many arguments
eleven arguments | BEGET_CALL(take_eleven, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) | BEGET_CALL_TAKES_AT_MOST_TEN_ARGUMENTS
struct by value | BEGET_CALL(take_point_value, point) | BEGET_CANNOT_SEND_THIS_TYPE_BY_VALUE_SEND_ITS_ADDRESS
not a function | BEGET_CALL(number, 1) | not a function
long double result | BEGET_CALL(give_long_double) | BEGET_CANNOT_RETURN_THIS_TYPE
struct result | BEGET_RETURNS(point_layout, BEGET_CALL(give_point)) | warning free
pointer result | BEGET_CALL(give_pointer) | BEGET_CANNOT_RETURN_THIS_TYPE
result into a long double | beget_result(process, long_double) | BEGET_CANNOT_RETURN_THIS_TYPE
result into a struct | beget_result(process, point_pointer) | warning free
result into a const variable | beget_result(process, const_number) | BEGET_CANNOT_RETURN_THIS_TYPE
result into a pointer to a pointer | beget_result(process, &number_pointer) | BEGET_CANNOT_RETURN_THIS_TYPE
result into a value | beget_result(process, number) | int
END

trim() {
	printf '%s\n' "$1" | sed 's/^ *//; s/ *$//'
}

# The expected text.
compiled_as_told() {
	case $1 in
	"warning free") [ ! -s "$tmp/out" ] ;;
	"warning: "*) grep 'warning:' "$tmp/out" | grep -qF -e "${1#warning: }" ;;
	*) false ;;
	esac
}

# Compiler, standard, name, expression, expected text.
try() {
	name="$1 $2: $3"
	define=
	case $4 in
	*take_anything*)
		# From C23 on, empty parentheses are a prototype.
		[ "$2" = c2x ] && return
		define=-DNO_PROTOTYPES
		;;
	esac
	cat >"$tmp/try.c" <<-END
		#include "names.h"
		int try(void);
		int try(void)
		{
			return ($4) != 0;
		}
	END
	if "$1" -std="$2" $define -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Iinclude -fsyntax-only \
		"$tmp/try.c" >"$tmp/out" 2>&1; then
		compiled_as_told "$5"
	else
		grep -E 'error:' "$tmp/out" | grep -qF -e "$5"
	fi
	judge "$name" $?
}

# Compiler, standard.
right_calls() {
	name="$1 $2: the right calls"
	if ! echo '#include <cmocka.h>' | "$1" -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h \
		-E - >/dev/null 2>&1; then
		skip "$name" "cmocka is not installed"
		return
	fi
	"$1" -std="$2" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude -c -o "$tmp/unit.o" \
		test/unit_call_macro.c >"$tmp/out" 2>&1
	judge "$name" $?
}

compilers="gcc clang"
case $CC in
cc | gcc | clang | *' '*) ;;
*) compilers="$compilers $CC" ;;
esac
for cc in $compilers; do
	if ! command -v "$cc" >/dev/null 2>&1; then
		skip "$cc" "not installed"
		continue
	fi
	for std in c11 c2x; do
		while IFS='|' read -r name expression text; do
			try "$cc" "$std" "$(trim "$name")" "$(trim "$expression")" "$(trim "$text")"
		done <"$tmp/table"
	done
	for std in c11 c17 c2x gnu11 gnu17; do
		right_calls "$cc" "$std"
	done
done
finish
