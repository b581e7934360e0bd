#!/bin/sh
# Lines that only run in a child are counted by gcov and llvm-cov, with every method, with the static library and, on
# request, with the shared one.
. test/tap

case $BUILD in /*) build=$BUILD ;; *) build=$PWD/$BUILD ;; esac
case $CC in *musl*) skip_all "the compilers of this test link with glibc" ;; esac
source=$PWD/test/prog/covered.c
need() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || return 1
	done
}

# The library that is linked, and compiler flags. The program is built in a folder of its own and runs there.
build_covered() {
	rm -rf "$tmp/covered"
	mkdir "$tmp/covered"
	library=$1
	shift
	"$@" -I"$PWD/include" -c -o "$tmp/covered/covered.o" "$source" &&
		"$@" -o "$tmp/covered/covered" "$tmp/covered/covered.o" "$build/$library" -Wl,-rpath,"$build" -lffi -ldl -lpthread
}

# The marks of the lines that were run, from a listing whose lines begin with "count|" or "count:".
marks() {
	grep -E '/\* (forkserver|spawn|fork|never) \*/' | grep -vE '(#####|^ *[0-9]+\| *0\|)' | sed 's/.*\/\* \(.*\) \*\/.*/\1/'
}

expected='forkserver
spawn
fork'
gcov_marks() {
	(cd "$tmp/covered" && ./covered && "$@" -t covered.gcda 2>/dev/null) >"$tmp/listing" 2>&1
	marks <"$tmp/listing" >"$tmp/out"
}

for library in libbeget.a libbeget.so; do
	[ $library = libbeget.a ] || export BEGET_COVERAGE=1
	if need gcc gcov; then
		build_covered "$library" gcc --coverage
		gcov_marks gcov
		same "gcc --coverage, $library" "$expected"
	else
		skip "gcc --coverage, $library" "gcov is not installed"
	fi
	if need clang llvm-cov llvm-profdata && build_covered "$library" clang -fprofile-instr-generate -fcoverage-mapping 2>"$tmp/err"; then
		(cd "$tmp/covered" && LLVM_PROFILE_FILE=%p.profraw ./covered && llvm-profdata merge -o all ./*.profraw &&
			llvm-cov show ./covered -instr-profile=all) >"$tmp/listing" 2>&1
		marks <"$tmp/listing" >"$tmp/out"
		same "clang -fprofile-instr-generate, $library" "$expected"
	else
		skip "clang -fprofile-instr-generate, $library" "its runtime is not installed"
	fi
done
finish
