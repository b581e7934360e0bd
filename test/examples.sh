#!/bin/sh
# Each example runs to its end and prints what it should; the README's program is examples/hello.c.
# Speaks TAP. Run from the project's root. Environment: BUILD.
. test/tap

# A characteristic line (a pattern for a whole line), program, arguments.
says() {
	line=$1 program=$2
	shift 2
	tested=" $tested $program "
	timeout 60 "$BUILD/examples/$program" "$@" >"$tmp/out" 2>&1 </dev/null && grep -qx "$line" "$tmp/out"
	report "$program: $line" $?
}

says '2 + 3 = 5' hello
says 'primes below 1000000: 78498' parallel
says 'read 1 from process [0-9]*' descriptor
says 'the caller continues' crash
says 'ended by signal 15' timeout
says 'killed: sleep 3600 & sleep 3600' build
says 'all 5 have ended' epoll
says '36 bytes of 3 steps' capture
says 'the worker ended with its host' tied
says '16777216 bytes: 3f0c007e180000 in 4 processes, 3f0c007e180000 in one' checksum
says "$(wc -c <LICENSE) bytes: .*" checksum LICENSE
for method in fork forkserver spawn; do
	says '100000 bytes, packed [0-9]*, unpacked 100000' zlib $method
done
says loaded model
says 'the largest of 1048576 numbers: [0-9]*' model
[ "$(grep -c loaded "$tmp/out")" = 1 ]
report "model: it is loaded once" $?
says 'most steps up to 5000: 3711 needs 237' map
says '100000 bytes, the same' inflate
says '17 of 20 tasks returned' survive
says 'all 10 are done' pool_epoll
if [ -x "$BUILD/examples/pool_uv" ]; then
	says 'all 10 are done' pool_uv
else
	tested="$tested pool_uv "
	skip "pool_uv: all 10 are done" "no uv.h"
fi
if bwrap --ro-bind / / --unshare-all true 2>/dev/null; then
	says '17 decoded, 1 damaged, 1 crashed, 1 hung' sandbox
else
	tested="$tested sandbox "
	skip "sandbox: 17 decoded" "bwrap does not run here"
fi
if strace -o /dev/null true 2>/dev/null; then
	says "$(wc -l <LICENSE) lines, [1-9][0-9]* calls traced" trace LICENSE
else
	tested="$tested trace "
	skip "trace: lines" "strace does not run here"
fi
says '10178 exited, 11 crashed, 11 hung' pool_ten_thousand
if [ -x "$BUILD/examples/cxx" ]; then
	says '2.5 \* 4 = 10' cxx
	says 'thrown in the child: no primes below -1' cxx
else
	tested="$tested cxx "
	skip "cxx: 2.5 * 4 = 10" "musl-gcc compiles no C++"
fi
says ' *spawn  *[0-9]*  *[0-9.]* ms   the same' demo -n 5 LICENSE
[ "$(grep -c 'the same$' "$tmp/out")" = 3 ] && [ "$(grep -c 'beget, ' "$tmp/out")" = 6 ]
report "demo: all methods count the same and are timed" $?
[ "$(sed -n 's/^ *one process  *\([0-9]*\) .*/\1/p' "$tmp/out")" = "$(wc -w <LICENSE | tr -d ' ')" ]
report "demo: counts what wc counts" $?

# No example is missing here, and none is long.
: >"$tmp/out"
for file in examples/*.c examples/*.cc; do
	name=${file##*/}
	case $tested in *" ${name%.*} "*) ;; *) echo "$file is not run" >>"$tmp/out" ;; esac
	[ "$(wc -l <"$file")" -le 60 ] || echo "$file has more than 60 lines" >>"$tmp/out"
done
none "each example is run and has at most 60 lines"

sed -n '/^```c$/,/^```$/p' README.md | sed '/^```$/q' | sed '1d;$d' >"$tmp/readme.c"
sed 1,2d examples/hello.c | diff "$tmp/readme.c" - >"$tmp/out" 2>&1
report "the README's program is examples/hello.c" $?

finish
