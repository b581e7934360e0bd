#!/bin/sh
# Each public header can be included alone: no warning as C99 to C23 and as C++11 to C++20, with any compiler, and it
# declares only the library's names. include/beget.hpp can be included alone as C++17 and C++20.
. test/tap

# Compiler command, standard, file: compiles without a warning.
compiles() {
	$1 -std="$2" -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$tmp/$3" >"$tmp/out" 2>&1
}

# C++ compiler command, standard, type of the target, argument, a text of the message.
refuses() {
	cat >"$tmp/refused.cc" <<-END
		#include <beget.hpp>
		using type = $3;
		extern type target;
		void refused(int one);
		void refused(int one)
		{
			(void)one;
			beget::start({}, target${4:+, $4}).result();
		}
	END
	! $1 -std="$2" -Iinclude -fsyntax-only "$tmp/refused.cc" >"$tmp/out" 2>&1 && grep -q "error: .*$5" "$tmp/out"
	report "$1 $2: $3 is refused" $?
}

# The two that are supported, and the one in the environment, whose command may have several words.
other() {
	case $1 in
	cc | c++ | gcc | g++ | clang | clang++) ;;
	*) printf '%s\n' "$1" ;;
	esac
}

printf '#include <beget.h>\ntypedef int not_empty;\n' >"$tmp/alone.c"
printf '#include <beget.h>\n#include <beget.h>\n#include <beget/call.h>\ntypedef int not_empty;\n' >"$tmp/twice.c"
cp "$tmp/alone.c" "$tmp/alone.cc"
printf '#include <beget.hpp>\n#include <beget.hpp>\n' >"$tmp/wrapper.cc"
printf '#include <beget/pool.h>\n#include <beget/service.h>\ntypedef int not_empty;\n' >"$tmp/pool.c"
cp "$tmp/pool.c" "$tmp/pool.cc"

# The calls of each language: a C99 program can fill in struct beget_call.
cat >"$tmp/fill.c" <<'END'
#include <beget.h>
#include <string.h>
static int add(int a, int b)
{
	return a + b;
}
int fill(void);
int fill(void)
{
	int a = 2, b = 3, sum = 0;
	const struct beget_arg args[2] = {
		{ BEGET_TYPE_INT, 0, sizeof(a), &a, NULL },
		{ BEGET_TYPE_INT, 0, sizeof(b), &b, NULL },
	};
	const struct beget_call call = { (void (*)(void))add, BEGET_TYPE_INT, 2, args, 0, 0, 0, NULL };
	struct beget_process *process = NULL;
	struct beget_options options;
	struct beget_status status;
	memset(&options, 0, sizeof(options));
	options.size = sizeof(options);
	options.method = BEGET_SPAWN;
	options.flags = BEGET_UNSAFE_FORK;
	if (beget_start(&process, &options, &call) < 0)
		return -1;
	if (beget_join(process, BEGET_FOREVER, &status) < 0 || status.outcome != BEGET_EXITED)
		return -1;
	if (beget_result_as(process, BEGET_TYPE_INT, sizeof(sum), &sum) < 0)
		return -1;
	beget_free(process);
	return sum;
}
END
sed 's/(void (\*)(void))add/reinterpret_cast<void (*)(void)>(add)/' "$tmp/fill.c" >"$tmp/fill.cc"

{
	printf '%s\n' gcc clang
	other "$CC"
} >"$tmp/c"
{
	printf '%s\n' g++ clang++
	other "$CXX"
} >"$tmp/cxx"

while read -r cc; do
	if ! command -v "${cc%% *}" >/dev/null 2>&1; then
		skip "$cc" "not installed"
		continue
	fi
	for std in c99 c11 c17 c2x; do
		for file in alone.c pool.c twice.c fill.c; do
			compiles "$cc" $std $file
			report "$cc $std: ${file%.c}" $?
		done
	done
done <"$tmp/c"

while read -r cxx; do
	if ! command -v "${cxx%% *}" >/dev/null 2>&1; then
		skip "$cxx" "not installed"
		continue
	fi
	for std in c++11 c++17 c++20; do
		for file in alone.cc pool.cc fill.cc; do
			compiles "$cxx" $std $file
			report "$cxx $std: ${file%.cc}" $?
		done
	done
	for std in c++17 c++20; do
		compiles "$cxx" $std wrapper.cc
		report "$cxx $std: wrapper" $?
		refuses "$cxx" $std 'int(const int *)' '&one' 'an address means nothing in another process'
		refuses "$cxx" $std 'int(std::vector<std::string>)' 'std::vector<std::string>()' 'need a beget::codec'
		refuses "$cxx" $std 'std::string_view()' '' 'not a view'
	done
done <"$tmp/cxx"

# The macros of call.h are included in C only.
$CC -E -Iinclude "$tmp/pool.c" >"$tmp/c.i" 2>"$tmp/out"
grep -q '^# .*beget/call\.h"' "$tmp/c.i"
report "beget.h includes beget/call.h" $?
printf '#include <beget.h>\n#ifdef BEGET_CALL\n#error BEGET_CALL\n#endif\n' >"$tmp/macro.cc"
compiles "$CXX" c++11 macro.cc
report "beget.h leaves beget/call.h out in C++" $?

# Macros that the standard headers alone do not define.
grep '^#include <' include/beget.h include/beget/*.h | sed 's/^[^:]*://' | grep -v '<beget' >"$tmp/standard.c"
macros() {
	$CC -dM -E -Iinclude "$1" | awk '{ sub(/\(.*/, "", $2); print $2 }' | sort -u
}
macros "$tmp/standard.c" >"$tmp/before"
macros "$tmp/pool.c" >"$tmp/after"
grep -q '^BEGET_CALL$' "$tmp/after" && ! comm -13 "$tmp/before" "$tmp/after" |
	grep -v -e '^BEGET_' -e '^beget_result$' -e '^beget_task_result$' >"$tmp/out"
report "each macro is BEGET_, beget_result or beget_task_result" $?

# Declarations: in the text of our files, without comments and directives, the names outside all braces and parentheses,
# the enumerators and all tags. Without the keywords of C and the standard types, all of them must be ours.
awk '
/^# [0-9]+ "/ { ours = $0 ~ /beget\.h"|beget\/[a-z]+\.h"/; next }
!ours || /^#/ { next }
{
	gsub(/"[^"]*"/, " ")
	gsub(/[^A-Za-z0-9_]/, " & ")
	count = split($0, word)
	for (i = 1; i <= count; i++) {
		w = word[i]
		if (w == "{") { brace++; if (tag == "enum") in_enum = brace }
		else if (w == "}") { if (in_enum == brace) in_enum = 0; brace-- }
		else if (w == "(") paren++
		else if (w == ")") paren--
		else if (w ~ /^[A-Za-z_]/) {
			is_tag = last == "struct" || last == "enum" || last == "union"
			if (is_tag || in_enum || (!brace && !paren)) print w
		}
		if (w == "struct" || w == "enum" || w == "union") tag = w
		else if (w == ";" || w == "(" || w == "{") tag = ""
		last = w
	}
}' "$tmp/c.i" | sort -u >"$tmp/names"
words='void|_Bool|bool|char|short|int|long|signed|unsigned|float|double|size_t|ssize_t|u?int[0-9]+_t|pid_t'
words="$words|const|static|inline|extern|typedef|struct|enum|union|__attribute__|__extension__"
grep -q '^beget_start$' "$tmp/names" && grep -q '^BEGET_SPAWN$' "$tmp/names" && grep -q '^beget_status$' "$tmp/names" &&
	! grep -vE "^(beget_.*|BEGET_.*|$words)\$" "$tmp/names" >"$tmp/out"
report "each name declared is beget_ or BEGET_" $?

finish
