#!/bin/sh
# Foreign functions of another language: Python's ctypes starts functions of a shared library (test/python.py).
. test/tap
! with_musl || skip_all "python3 cannot load a library for musl"
tools/need python3=python3 || skip_all "no python3"

BEGET_HOST=$BUILD/beget-host timeout 120 python3 -B test/python.py "$BUILD/libbeget.so" "$BUILD/test/lib/plugin.so" \
	>"$tmp/out" 2>&1
code=$?
while IFS= read -r line; do
	n=$((n + 1))
	case $line in
	*": ok") echo "ok $n - ${line%: ok}" ;;
	*) echo "not ok $n - $line" ;;
	esac
done <"$tmp/out"
echo "1..21"
exit $code
