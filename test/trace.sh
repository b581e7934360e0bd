#!/bin/sh
# BEGET_TRACE=1: caller, helper and children each write whole lines with their pids. Without it, no process writes any.
. test/tap

pid_of() {
	sed -n "s/^$1 //p" "$tmp/stdout"
}

# A line that a process must have written: its pid, its role, its text.
line() {
	grep -qx "beget\[$1\] $2: $3" "$tmp/trace" || echo "no line of $2 $1: $3"
}

BEGET_TRACE=1 "$BUILD/test/prog/trace" >"$tmp/stdout" 2>"$tmp/trace" || echo "exit $?" >"$tmp/out"
[ "$(wc -l <"$tmp/stdout")" = 5 ] || cat "$tmp/stdout" >>"$tmp/out"
none "the program runs"

caller=$(pid_of caller) helper=$(pid_of helper)
{
	line "$caller" caller "launched helper $helper"
	line "$helper" helper serves
	line "$helper" helper "created child $(pid_of forkserver)"
	line "$caller" caller "child $(pid_of forkserver) exists"
} >"$tmp/out"
none "the helper"

for method in forkserver spawn fork; do
	line "$(pid_of $method)" child "calls its target"
	line "$(pid_of $method)" child returns
	line "$caller" caller "ended $(pid_of $method): outcome 1, code 0"
done >"$tmp/out"
none "the children by every method"

grep -vE '^beget\[[0-9]+\] (caller|helper|child): [^ ].*$' "$tmp/trace" >"$tmp/out"
none "every line is whole"

for value in "" 0 yes; do
	BEGET_TRACE=$value "$BUILD/test/prog/trace" 2>>"$tmp/out" >"$tmp/stdout"
done
none "silence without it"

finish
