#!/bin/sh
# A user's valgrind finds nothing lost: neither in a trivial caller nor in its helper and its children.
. test/tap

case $BUILD in /*) build=$BUILD ;; *) build=$PWD/$BUILD ;; esac
command -v valgrind >/dev/null 2>&1 || skip_all "valgrind is not installed"
# musl's library has another name than valgrind expects of one that contains malloc.
timeout 120 valgrind --soname-synonyms=somalloc=libc.so --leak-check=full --trace-children=yes \
	--log-file="$tmp/log.%p" "$build/test/prog/covered" >"$tmp/out" 2>&1
report "the program ends as without valgrind" $?
reports() {
	grep -lE 'ERROR SUMMARY: [0-9]' "$tmp"/log.* | wc -l | tr -d ' '
}
# The caller, the helper with its middle process, and three children. The helper ends after its caller.
for _ in $(seq 100); do
	[ "$(reports)" -ge 6 ] && break
	sleep 0.1
done
grep -hE 'definitely lost: [1-9]|possibly lost: [1-9]|ERROR SUMMARY: [1-9]' "$tmp"/log.* >"$tmp/out"
none "nothing is lost"
reports >"$tmp/out"
same "all processes report" 6
finish
