#!/bin/sh
# Wrong calls do not compile, and the compiler's message names the struct that says what to do; right calls compile
# without a warning. Each compiler that is installed, C11 and C2x.
CC=${CC:-cc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0
failed=0

ok() {
	n=$((n + 1))
	echo "ok $n - $1"
}

# The name, and a file to show.
not_ok() {
	n=$((n + 1))
	failed=1
	echo "not ok $n - $1"
	grep -E 'error|warning' "$2" | head -n 5 | sed 's/^/# /'
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# What the expressions below may name.
cat >"$tmp/names.h" <<'END'
#include <beget.h>
#include <stdio.h>
struct point { int x, y; };
struct opaque;
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
pointer to a pointer | BEGET_CALL(take_strings, texts) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION
address of a pointer | BEGET_CALL(take_strings, &string) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION
pointer to a function | BEGET_CALL(take_function, function) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION
function name as argument | BEGET_CALL(take_function, take_none) | BEGET_CANNOT_SEND_A_POINTER_TO_A_POINTER_OR_FUNCTION
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
variadic function | BEGET_CALL(take_many, string) | BEGET_ARGUMENT_TYPES_ARE_NOT_EXACTLY
too few arguments | BEGET_CALL(take_two, 1) | too few arguments
no argument where one is due | BEGET_CALL(take_int) | too few arguments
too many arguments | BEGET_CALL(take_two, 1, 2, 3) | too many arguments
an argument where none is due | BEGET_CALL(take_none, 1) | too many arguments
eleven arguments | BEGET_CALL(take_eleven, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) | BEGET_CALL_TAKES_AT_MOST_TEN_ARGUMENTS
struct by value | BEGET_CALL(take_point_value, point) | BEGET_CANNOT_SEND_THIS_TYPE_BY_VALUE_SEND_ITS_ADDRESS
not a function | BEGET_CALL(number, 1) | not a function
long double result | BEGET_CALL(give_long_double) | long double
struct result | BEGET_CALL(give_point) | struct point
pointer result | BEGET_CALL(give_pointer) | int *
result into a long double | beget_result(process, long_double) | long double *
result into a struct | beget_result(process, point_pointer) | struct point *
result into a const variable | beget_result(process, const_number) | const int *
result into a pointer to a pointer | beget_result(process, &number_pointer) | int **
result into a value | beget_result(process, number) | int
END

trim() {
	printf '%s\n' "$1" | sed 's/^ *//; s/ *$//'
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
	if LC_ALL=C "$1" -std="$2" $define -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Iinclude -fsyntax-only \
		"$tmp/try.c" >"$tmp/out" 2>&1; then
		if [ "$5" = "warning free" ] && [ ! -s "$tmp/out" ]; then ok "$name"; else not_ok "$name" "$tmp/out"; fi
	elif grep -E 'error:' "$tmp/out" | grep -qF -e "$5"; then
		ok "$name"
	else
		not_ok "$name" "$tmp/out"
	fi
}

# Compiler, standard.
right_calls() {
	name="$1 $2: the right calls"
	if ! echo '#include <cmocka.h>' | "$1" -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h \
		-E - >/dev/null 2>&1; then
		skip "$name" "cmocka is not installed"
	elif LC_ALL=C "$1" -std="$2" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude -c -o "$tmp/unit.o" \
		test/unit_call_macro.c >"$tmp/out" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$tmp/out"
	fi
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
echo "1..$n"
exit $failed
