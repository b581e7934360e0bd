#!/bin/sh
# BEGET_TRACE=1: caller, helper and children each write whole lines with their pids, and without it nobody writes any.
BUILD=${BUILD:-build}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0
failed=0

# The name; the test passes if $tmp/out, a list of what is wrong, is empty.
report() {
	n=$((n + 1))
	if [ -s "$tmp/out" ]; then
		failed=1
		echo "not ok $n - $1"
		head -n 10 "$tmp/out" | sed 's/^/# /'
	else
		echo "ok $n - $1"
	fi
}

pid_of() {
	sed -n "s/^$1 //p" "$tmp/stdout"
}

# A line that is expected of a process: its pid, its role, its words.
line() {
	grep -qx "beget\[$1\] $2: $3" "$tmp/trace" || echo "no line of $2 $1: $3"
}

echo "1..5"

BEGET_TRACE=1 "$BUILD/test/prog/trace" >"$tmp/stdout" 2>"$tmp/trace" || echo "exit $?" >"$tmp/out"
[ "$(wc -l <"$tmp/stdout")" = 5 ] || cat "$tmp/stdout" >>"$tmp/out"
report "the program runs"

caller=$(pid_of caller) helper=$(pid_of helper)
{
	line "$caller" caller "launched helper $helper"
	line "$helper" helper serves
	line "$helper" helper "made $(pid_of forkserver)"
	line "$caller" caller "born $(pid_of forkserver)"
} >"$tmp/out"
report "the helper"

for method in forkserver spawn fork; do
	line "$(pid_of $method)" child "calls its target"
	line "$(pid_of $method)" child returns
	line "$caller" caller "ended $(pid_of $method): outcome 1, code 0"
done >"$tmp/out"
report "the children by every method"

grep -vE '^beget\[[0-9]+\] (caller|helper|child): [^ ].*$' "$tmp/trace" >"$tmp/out"
report "every line is whole"

for value in "" 0 yes; do
	BEGET_TRACE=$value "$BUILD/test/prog/trace" 2>>"$tmp/out" >"$tmp/stdout"
done
report "silence without it"

exit $failed
