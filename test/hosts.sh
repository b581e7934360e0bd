#!/bin/sh
# Unusual hosts: in C++ with exceptions, without beget_init, a subreaper, process 1 of a pid namespace. Each is a
# program in test/prog that exits with 0 on success.
. test/tap
prog=$BUILD/test/prog

# The name; the other arguments are a command that should exit with 0.
passes() {
	name=$1
	shift
	timeout 120 "$@" >"$tmp/out" 2>&1
	report "$name" $?
}

if [ -x "$prog/wrapper" ]; then
	passes "an exception that leaves a target aborts the child" "$prog/throws"
	passes "a host in C++ with beget.hpp" "$prog/wrapper"
else
	skip "hosts in C++" "musl-gcc compiles no C++"
fi
passes "without beget_init only fork works" "$prog/no_init"
passes "a host like any other" "$prog/host"
passes "a host that is a subreaper" "$prog/host" subreaper
if unshare --pid --fork --mount-proc true 2>/dev/null; then
	passes "a host that is process 1" unshare --pid --fork --mount-proc "$prog/host"
elif unshare --user --map-root-user --pid --fork --mount-proc true 2>/dev/null; then
	passes "a host that is process 1" unshare --user --map-root-user --pid --fork --mount-proc "$prog/host"
else
	skip "a host that is process 1" "pid namespaces are not allowed here"
fi

finish
