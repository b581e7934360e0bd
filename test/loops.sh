#!/bin/sh
# A process that the library creates for a start must not start processes before its target: each of these would start
# more.
. test/tap

case $BUILD in /*) build=$BUILD ;; *) build=$PWD/$BUILD ;; esac
BEGET_HOST=$build/beget-host
export BEGET_HOST
LOOPS_LOG=$tmp/out
export LOOPS_LOG
refused='cannot execute a program: this process is a child or a helper, and main has not called beget_init yet'

loops() {
	rm -f "$tmp/out"
	LOOPS=$1 timeout 60 "$build/test/prog/loops" >"$tmp/printed" 2>&1
}

loops altered
same "main keeps its arguments from beget_init" "main forkserver: 5
main spawn: 5
main fork: 5"

early="constructor forkserver: helper: $refused
constructor spawn: helper: $refused
constructor fork: 5"
loops early
sed -i 's/: [a-z]*: cannot/: helper: cannot/' "$tmp/out" # it does not know its role yet
same "a constructor that starts, in each process" "constructor forkserver: 5
constructor spawn: 5
constructor fork: 5
$early
main forkserver: 5
$early
main spawn: 5
main fork: 5"

loops without
program=$(readlink -f "$build/test/prog/loops")
same "an executable that does not call beget_init, and opens a server" "main server: caller: $program: $refused
main server: caller: $program: the server ended before it reached beget_init; perhaps that is not the first statement of its main"

timeout 60 "$build/test/prog/plugins" "$build/test/lib/starter.so" starter_said >"$tmp/out" 2>&1
same "a plugin's constructor that starts, in each child" "fork: 1111
spawn: 2122
forkserver: 2122"

timeout 60 "$build/test/prog/host_server" "$build/test/lib/starter.so" starter_said >"$tmp/out" 2>&1
same "the same, preloaded by a server" "preloaded: 2122"

finish
