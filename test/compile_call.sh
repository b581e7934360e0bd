#!/bin/sh
# Wrong calls do not compile, and the compiler's message names the struct that says what to do. Right calls compile
# without a warning. With each installed compiler, as C11 and C2x.
. test/tap

# The name, and the status of the last command. Of the compiler's output, only errors and warnings are shown.
judge() {
	[ "$2" -eq 0 ] || sed -i '/error\|warning/!d' "$tmp/out"
	report "$1" "$2"
}

# Names that the expressions below use.
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
int take_vector(char *const *);
int take_argv(char **);
int take_pointers(const int *const *);
int take_function(void (*)(void));
void take_none_at_all(void);
int take_point(const struct point *);
int take_other_point(struct point *);
int take_point_value(struct point);
int take_opaque(const struct opaque *);
int take_ints(const int *);
int take_writable_ints(int *);
int take_run(const int *, size_t);
int take_counted(int, const int *);
int take_octets(const unsigned char *);
int take_doubles(const double *);
int take_points(const struct point *, size_t);
int take_second(int, char *);
int take_third(int, int, const void *);
int must_use(int) __attribute__((warn_unused_result));
void never_returns(int) __attribute__((noreturn));
void say(const char *, ...) __attribute__((format(printf, 1, 2)));
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
extern const char *string, *const strings[2];
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
extern unsigned char *octets;
extern double real;
END

# One row each: name | expression | a text of the message, or "warning free" if the expression is right. The texts are
# short, because compilers word their messages differently.
cat >"$tmp/table" <<'END'
right call | BEGET_CALL(take_two, 1, 2) | warning free
right call of a pointer | BEGET_CALL(take_point, &point) | warning free
right call with a cast | BEGET_CALL(take_short, (short)1) | warning free
right result | beget_result(process, &number) | warning free
void pointer | BEGET_CALL(take_const_void, nothing) | BEGET_ARGUMENT_1_IS_A_void_POINTER
void pointer to a typed parameter | BEGET_CALL(take_ints, nothing) | BEGET_ARGUMENT_1_IS_A_void_POINTER
const void pointer | BEGET_CALL(take_const_void, const_nothing) | BEGET_ARGUMENT_1_IS_A_void_POINTER
bare NULL | BEGET_CALL(take_string, NULL) | BEGET_ARGUMENT_1_IS_A_void_POINTER
void * parameter | BEGET_CALL(take_void, nothing) | BEGET_ARGUMENT_1_IS_A_void_POINTER
typed pointer to a void parameter | BEGET_CALL(take_const_void, &number) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
pointer to a pointer | BEGET_CALL(take_pointers, &number_pointer) | BEGET_ARGUMENT_1_IS_A_POINTER_TO_A_POINTER
strings | BEGET_CALL(take_vector, texts) | warning free
strings that are const | BEGET_CALL(take_strings, strings) | warning free
strings to a const parameter | BEGET_CALL(take_strings, texts) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
strings to a parameter that is not const | BEGET_CALL(take_argv, texts) | BEGET_A_POINTER_PARAMETER_IS_NOT_CONST
strings of a main | BEGET_CALL(take_argv, BEGET_STRINGS(texts)) | warning free
pointer to a function | BEGET_CALL(take_function, function) | warning free
function name as argument | BEGET_CALL(take_function, take_none_at_all) | warning free
address of a function as argument | BEGET_CALL(take_function, &take_none_at_all) | warning free
function of another type as argument | BEGET_CALL(take_function, take_int) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
pointer to an incomplete type | BEGET_CALL(take_opaque, opaque) | struct opaque
function without prototype | BEGET_CALL(take_anything, 1) | BEGET_FUNCTION_HAS_NO_PROTOTYPE
function without prototype or argument | BEGET_CALL(take_anything) | BEGET_FUNCTION_HAS_NO_PROTOTYPE
char * parameter | BEGET_CALL(take_char_pointer, text) | BEGET_A_POINTER_PARAMETER_IS_NOT_CONST_USE_BEGET_INOUT
non-const T * parameter | BEGET_CALL(take_other_point, &point) | BEGET_A_POINTER_PARAMETER_IS_NOT_CONST_USE_BEGET_INOUT
array to a non-const T * parameter | BEGET_CALL(take_writable_ints, ints) | BEGET_A_POINTER_PARAMETER_IS_NOT_CONST_USE_BEGET_INOUT
long double argument | BEGET_CALL(take_long_double, 1.0L) | BEGET_ARGUMENT_1_IS_A_long_double
int to a long long parameter | BEGET_CALL(take_int64, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a short parameter | BEGET_CALL(take_short, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to an unsigned parameter | BEGET_CALL(take_unsigned, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a bool parameter | BEGET_CALL(take_bool, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
double to a float parameter | BEGET_CALL(take_float, 0.5) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
int to a double parameter | BEGET_CALL(take_double, 1) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
string to a pointer to int | BEGET_CALL(take_ints, text) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
second argument wrong | BEGET_CALL(take_two, 1, 2L) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
second argument wrong, both types | BEGET_CALL(take_two, 1, 2L) | both types
third argument is a void pointer | BEGET_CALL(take_third, 1, 2, nothing) | BEGET_ARGUMENT_3_IS_A_void_POINTER
pointer to a number, and a count | BEGET_CALL(take_run, number_pointer, (size_t)3) | BEGET_ARGUMENT_1_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
a count, and a pointer to a number | BEGET_CALL(take_counted, 3, number_pointer) | BEGET_ARGUMENT_2_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
address of a number | BEGET_CALL(take_ints, &number) | BEGET_ARGUMENT_1_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
address of an element | BEGET_CALL(take_run, &ints[1], (size_t)2) | BEGET_ARGUMENT_1_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
pointer to unsigned char | BEGET_CALL(take_octets, octets) | BEGET_ARGUMENT_1_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
pointer to double | BEGET_CALL(take_doubles, &real) | BEGET_ARGUMENT_1_POINTS_TO_ONE_NUMBER_OR_MANY_USE_BEGET_IN
array of numbers, and a count | BEGET_CALL(take_run, ints, (size_t)3) | warning free
compound literal of numbers | BEGET_CALL(take_ints, ((int[2]){1, 2})) | warning free
one number | BEGET_CALL(take_ints, BEGET_IN(&number)) | warning free
pointer to a struct, and a count | BEGET_CALL(take_points, point_pointer, (size_t)1) | warning free
inout of a literal | BEGET_CALL(take_char_pointer, BEGET_INOUT("literal")) | BEGET_ARGUMENT_1_IS_A_LITERAL_OR_NULL
out of a part of a literal | BEGET_CALL(take_char_pointer, BEGET_OUT("literal", 3u)) | BEGET_ARGUMENT_1_IS_A_LITERAL_OR_NULL
second argument is out of a literal | BEGET_CALL(take_second, 1, BEGET_OUT("literal")) | BEGET_ARGUMENT_2_IS_A_LITERAL_OR_NULL
inout of a cast literal | BEGET_CALL(take_void, BEGET_INOUT((void *)"literal", 3u)) | BEGET_ARGUMENT_1_IS_A_LITERAL_OR_NULL
out of NULL | BEGET_CALL(take_writable_ints, BEGET_OUT((int *)NULL)) | BEGET_ARGUMENT_1_IS_A_LITERAL_OR_NULL
in of a literal | BEGET_CALL(take_string, BEGET_IN("literal")) | warning free
inout of a compound literal | BEGET_CALL(take_char_pointer, BEGET_INOUT(((char[8]){"literal"}))) | warning free
result that must be used | BEGET_CALL(must_use, 1) | warning free
function that does not return | BEGET_CALL(never_returns, 1) | warning free
function without result, format wrong | BEGET_CALL(say, "%d", "text") | warning: format
result into a literal | beget_result(process, "literal") | BEGET_RESULT_GOES_TO_A_LITERAL
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
struct by value | BEGET_CALL(take_point_value, point) | BEGET_ARGUMENT_1_CANNOT_BE_SENT_BY_VALUE_SEND_ITS_ADDRESS
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

# All right rows in one file.
awk -F ' *[|] *' 'BEGIN { print "#include \"names.h\"" } $3 == "warning free" {
	printf "int right_%d(void);\nint right_%d(void)\n{\n\treturn (%s) != 0; /* %s */\n}\n", NR, NR, $2, $1
}' "$tmp/table" >"$tmp/right.c"

trim() {
	printf '%s\n' "$1" | sed 's/^ *//; s/ *$//'
}

# The expected text.
compiled_as_told() {
	case $1 in
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
	# Compilers suppress warnings in installed headers, but these warnings are about the program.
	how=-I
	case $5 in
	"warning: "*) how=-isystem ;;
	esac
	if "$1" -std="$2" $define -Wall -Wextra -Wpedantic -Wconversion -Wshadow $how include -fsyntax-only \
		"$tmp/try.c" >"$tmp/out" 2>&1; then
		compiled_as_told "$5"
	else
		case $5 in
		"both types") grep -q "(int, *int)" "$tmp/out" && grep -q "(int, *long" "$tmp/out" ;;
		*) grep 'error:' "$tmp/out" | grep -qF -e "$5" ;;
		esac
	fi
	judge "$name" $?
}

# Compiler, standard, file.
right_calls() {
	"$1" -std="$2" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude -c -o "$tmp/right.o" "$3" \
		>"$tmp/out" 2>&1
	judge "$1 $2: the right calls in ${3##*/}" $?
}

has_cmocka() {
	echo '#include <cmocka.h>' | "$1" -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h -E - \
		>/dev/null 2>&1
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
			text=$(trim "$text")
			[ "$text" = "warning free" ] || try "$cc" "$std" "$(trim "$name")" "$(trim "$expression")" "$text"
		done <"$tmp/table"
	done
	for std in c11 c17 c2x gnu11 gnu17; do
		right_calls "$cc" "$std" "$tmp/right.c"
		if has_cmocka "$cc"; then
			right_calls "$cc" "$std" test/unit_call_macro.c
		else
			skip "$cc $std: unit_call_macro.c" "cmocka is not installed"
		fi
	done
done
finish
