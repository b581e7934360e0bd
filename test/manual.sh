#!/bin/sh
# The manual is tested like code: every page lints, every example compiles and runs, every synopsis equals the header.
#
# Speaks TAP. Run from the project's root. Environment: CC, CXX, BUILD (which has libbeget.a and beget-host; without it,
# the examples are only compiled).
set -u
. test/tap
WARN='-Wall -Wextra -Werror'
HEADERS='include/beget.h include/beget/pool.h include/beget/service.h'
export BEGET_HOST="$BUILD/beget-host"

# run COMMAND...: limited to 20 seconds if timeout(1) is installed.
if command -v timeout >/dev/null 2>&1; then
	run() { timeout 20 "$@"; }
else
	run() { "$@"; }
fi

# Writes each example of page $1, a literal display in the section EXAMPLES, to $2.1.c, $2.2.cc, ...
extract() {
	awk -v base="$2" '
	function finish(   file) {
		file = base "." ++n "." (text ~ /extern "C"|#include <[a-z]+>/ ? "cc" : "c")
		printf "%s", text > file
		close(file)
	}
	/^\.Sh / { section = $2; next }
	section != "EXAMPLES" { next }
	/^\.Bd .*-literal/ { inside = 1; text = ""; next }
	/^\.Ed/ { if (inside) finish(); inside = 0; next }
	inside {
		gsub(/\\&/, "")
		gsub(/\\-/, "-")
		gsub(/\\\(aq/, "\047")
		gsub(/\\e/, "\\")
		text = text $0 "\n"
	}' "$1"
}

# Prints the names in the section NAME of page $1, one per line.
names() {
	awk '/^\.Sh / { inside = $2 == "NAME" } inside && $1 == ".Nm" { print $2 }' "$1"
}

# Normalises a prototype: no semicolon, single spaces, none next to punctuation.
normalise() {
	sed 's/;//g; s/[[:space:]][[:space:]]*/ /g; s/ *\([*(),]\) */\1/g; s/^ //; s/ $//'
}

# Prints each prototype of the headers on a line of its own: the text with parentheses that is left without comments,
# preprocessor lines and braces.
header_prototypes() {
	# The headers are several words.
	# shellcheck disable=SC2086
	awk '
	{ all = all $0 "\n" }
	END {
		while (match(all, /\/\*([^*]|\*+[^*\/])*\*+\//))
			all = substr(all, 1, RSTART - 1) " " substr(all, RSTART + RLENGTH)
		n = split(all, line, "\n")
		for (i = 1; i <= n; i++) {
			if (line[i] ~ /^[ \t]*#/ || line[i] ~ /^extern "C"/)
				continue
			level += gsub(/\{/, "{", line[i])
			if (level == 0)
				code = code " " line[i]
			level -= gsub(/\}/, "}", line[i])
		}
		n = split(code, statement, ";")
		for (i = 1; i <= n; i++)
			if (statement[i] ~ /beget_[a-z_]+\(/)
				print statement[i]
	}' $HEADERS | normalise
}

# Prints each prototype in the section SYNOPSIS of page $1 in the same form: .Ft with .Fn, or with .Fo, .Fa and .Fc.
page_prototypes() {
	awk '
	# Returns the next argument of a macro line, quoted or not; "rest" is what follows it.
	function argument(   a) {
		sub(/^[ \t]+/, "", rest)
		if (rest ~ /^"/) {
			a = substr(rest, 2)
			rest = a
			sub(/".*/, "", a)
			rest = substr(rest, length(a) + 2)
		} else {
			a = rest
			sub(/[ \t].*/, "", a)
			rest = substr(rest, length(a) + 1)
		}
		return a
	}
	function add(a) { list = list (list == "" ? "" : ", ") a }
	/^\.Sh / { inside = $2 == "SYNOPSIS"; next }
	!inside { next }
	/^\.(Ft|Fn|Fo|Fa|Fc)/ {
		macro = $1
		rest = substr($0, 4)
		if (macro == ".Ft")
			type = argument()
		if (macro == ".Fn" || macro == ".Fo") {
			name = argument()
			list = ""
		}
		if (macro == ".Fn" || macro == ".Fa")
			while (rest ~ /[^ \t]/)
				add(argument())
		if (macro == ".Fn" || macro == ".Fc")
			print type " " name "(" list ")"
	}' "$1" | normalise
}

compile_and_run() {
	example=$1
	name=$2
	case $example in
	*.cc) compiler="$CXX -std=c++17" ;;
	*) compiler=$CC ;;
	esac

	# CC and WARN may be several words.

	# shellcheck disable=SC2086
	$compiler $WARN -Iinclude -c "$example" -o "$tmp/example.o" >"$tmp/out" 2>&1
	report "$name compiles" $?
	if ! [ -f "$BUILD/libbeget.a" ]; then
		skip "$name runs" "no $BUILD/libbeget.a"
		return
	fi
	case $example in *.cc) if with_musl; then
		skip "$name runs" "musl-gcc compiles no C++"
		return
	fi ;; esac
	# shellcheck disable=SC2086
	$compiler "$tmp/example.o" "$BUILD/libbeget.a" -lffi -ldl -pthread -o "$tmp/example" >"$tmp/out" 2>&1 &&
		run "$tmp/example" >"$tmp/out" 2>&1 </dev/null
	report "$name runs" $?
	rm -f "$tmp/example.o" "$tmp/example"
}

# 1. Lint.
for page in man/*.[1-9]; do
	if command -v mandoc >/dev/null 2>&1; then
		mandoc -Tlint -Wwarning "$page" >"$tmp/out" 2>&1 && ! [ -s "$tmp/out" ]
		report "$page lints" $?
	else
		skip "$page lints" "no mandoc"
	fi
done

# 2. Examples.
for page in man/*.[1-9]; do
	base=$tmp/$(basename "$page")
	extract "$page" "$base" >"$tmp/out" 2>&1
	found=0
	for example in "$base".*.c "$base".*.cc; do
		[ -f "$example" ] || continue
		found=1
		compile_and_run "$example" "$page: example $(basename "${example#"$base".}")"
	done
	[ "$found" -eq 1 ]
	report "$page has an example" $?
done

# 3. Names and synopses.
header_prototypes >"$tmp/header" 2>"$tmp/out"
for page in man/*.3; do
	names "$page" | sed "s|\$| $page|"
done >"$tmp/names"

[ -s "$tmp/header" ]
report "the headers declare functions" $?

while read -r prototype; do
	function=${prototype%%(*}
	function=${function##*[ *]}
	awk -v f="$function" '$1 == f' "$tmp/names" | tee "$tmp/pages" >"$tmp/out"
	count=$(wc -l <"$tmp/pages")
	[ "$count" -eq 1 ]
	report "$function is the name of one page" $?

	{
		echo "header: $prototype"
		while read -r _ page; do
			page_prototypes "$page" | grep -F "$function(" | sed 's/^/page: /'
		done <"$tmp/pages"
	} >"$tmp/out"
	grep -qFx "page: $prototype" "$tmp/out"
	report "$function has the header's prototype" $?
done <"$tmp/header"

finish
