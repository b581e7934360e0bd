#!/bin/sh
# Helpers and children that end before they reach beget_init: the start works in another way, or says why it cannot.
. test/tap

case $BUILD in /*) build=$BUILD ;; *) build=$PWD/$BUILD ;; esac

early() {
	EARLY=$1 timeout 60 "$build/test/prog/early" >"$tmp/out" 2>"$tmp/err"
}

early usage
same "main rejects arguments before beget_init" "forkserver: with forkserver) never reached its target: helper: it ended before it created the process: early: unrecognized option '--beget-helper'
spawn: with spawn) never reached its target: child: it exited with code 2 before it read its call: early: unrecognized option '--beget-child'
fork: 7
server: caller: the server ended before it reached beget_init: early: unrecognized option '--beget-helper'"
cp "$tmp/err" "$tmp/out"
none "what is in the sentence is not printed"

early slow
sed -n 1p "$tmp/out" >"$tmp/first" && mv "$tmp/first" "$tmp/out"
same "a helper that ends before the request is sent" "forkserver: caller: the helper exits as soon as it is launched: early: unrecognized option '--beget-helper'"

early silent
same "main exits before beget_init" "forkserver: with forkserver) never reached its target: helper: it ended before it created the process; perhaps beget_init is not the first statement of main
spawn: with spawn) never reached its target: child: it exited with code 2 before it read its call; perhaps beget_init is not the first statement of main
fork: 7
server: caller: the server ended before it reached beget_init; perhaps that is not the first statement of its main"

works='forkserver: 7
spawn: 7
fork: 7
server: opened'
early warning
same "main prints a warning before beget_init" "$works"
cp "$tmp/err" "$tmp/out"
same "the warnings of the program and of a child with spawn are printed" 'a warning
a warning'

echo 'void nowhere(void); int lacking(int call) { if (call) nowhere(); return 7; }' >"$tmp/lacking.c"
$CC -shared -fPIC -Wl,-z,lazy -o "$tmp/lacking.so" "$tmp/lacking.c" >"$tmp/out" 2>&1 &&
	$CC -Iinclude -Ilib -DLACKING -Wl,--allow-shlib-undefined -Wl,-z,lazy -o "$tmp/lacks" test/prog/early.c "$tmp/lacking.so" \
		"$BUILD/libbeget.a" -lffi -ldl -pthread >>"$tmp/out" 2>&1
none "a program with a library that needs a function that is missing"
if with_musl; then
	skip "a missing function that is never called" "musl binds every function when it loads a program"
else
	timeout 60 "$tmp/lacks" >"$tmp/out" 2>&1
	same "a missing function that is never called" "$works"
fi

early chatty
grep -c 'trying plan 99; early: no plan; is left$' "$tmp/out" >"$tmp/count"
cp "$tmp/count" "$tmp/out"
same "the last lines are quoted" 3

mkdir "$tmp/libs"
echo 'int lacking(int call) { return call + 7; }' >"$tmp/late.c"
$CC -shared -fPIC -o "$tmp/libs/liblate.so" "$tmp/late.c" >"$tmp/out" 2>&1 &&
	$CC -Iinclude -Ilib -DLACKING -o "$tmp/late" test/prog/early.c -L"$tmp/libs" -llate "$BUILD/libbeget.a" -lffi -ldl -pthread \
		>>"$tmp/out" 2>&1
none "a program whose library only a variable or an option of the loader leads to"
cannot=": $tmp/late: error while loading shared libraries: liblate.so: cannot open shared object file: No such file or directory"
! with_musl || cannot=': Error loading shared library liblate.so: No such file or directory .*'
quoted() {
	"$@" 2>&1 | sed "s|$cannot| says why|; s|caller: the helper exits as soon as it is launched|$never|" >"$tmp/out"
}
# A helper that ends before the request is sent is launched again, six times.
never='with forkserver) never reached its target: helper: it ended before it created the process'
why="forkserver: $never says why
spawn: with spawn) never reached its target: child: it exited with code 127 before it read its call says why
fork: 7
server: caller: the server ended before it reached beget_init says why"
LD_LIBRARY_PATH=$tmp/libs quoted env EARLY=unset timeout 60 "$tmp/late"
same "main removes LD_LIBRARY_PATH" "$why"
if with_musl; then
	skip "a program that was started by ld.so --library-path" "musl's loader does not say which program it loaded"
	finish
fi
loader=$(readelf -l "$tmp/late" | sed -n 's|.*interpreter: \(.*\)\]|\1|p')
quoted timeout 60 "$loader" --library-path "$tmp/libs" "$tmp/late"
same "a program that was started by ld.so --library-path" "$why"

finish
