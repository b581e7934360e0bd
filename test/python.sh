#!/bin/sh
# Another language's foreign functions: Python's ctypes starts functions of a shared library (test/python.py).
BUILD=${BUILD:-build}
tools/need python3=python3 || {
	echo "1..0 # SKIP no python3"
	exit 0
}
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

BEGET_HOST=$BUILD/beget-host timeout 120 python3 -B test/python.py "$BUILD/libbeget.so" "$BUILD/test/lib/plugin.so" \
	>"$tmp" 2>&1
code=$?
n=0
while IFS= read -r line; do
	n=$((n + 1))
	case $line in
	*": ok") echo "ok $n - ${line%: ok}" ;;
	*) echo "not ok $n - $line" ;;
	esac
done <"$tmp"
echo "1..21"
exit $code
