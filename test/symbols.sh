#!/bin/sh
# What the built libraries show to the linker: the functions of beget.h and nothing else, one version everywhere, no
# dependency but libffi and libc, no executable stack.
CC=${CC:-cc}
BUILD=${BUILD:-build}
shared=$BUILD/libbeget.so
static=$BUILD/libbeget.a
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0
failed=0
LC_ALL=C
export LC_ALL

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

# The name, what is there, what should be.
equal() {
	if [ "$2" = "$3" ]; then : >"$tmp/out"; else echo "is \"$2\", should be \"$3\"" >"$tmp/out"; fi
	report "$1"
}

for tool in nm readelf; do
	if ! command -v $tool >/dev/null 2>&1; then
		echo "1..0 # SKIP $tool is not installed"
		exit 0
	fi
done
for file in "$shared" "$static" Makefile lib/beget.map; do
	if [ ! -e "$file" ]; then
		echo "1..0 # SKIP there is no $file yet"
		exit 0
	fi
done

# One version.
version=$(sed -n 's/^VERSION *:*= *\([0-9.]*\) *$/\1/p' Makefile)
node=BEGET_${version%.*}
equal "BEGET_VERSION is the Makefile's" \
	"$(sed -n 's/^#define BEGET_VERSION "\(.*\)"$/\1/p' include/beget.h)" "$version"
equal "the last node of lib/beget.map is of this version" \
	"$(sed -n 's/^\(BEGET_[0-9.]*\) *{.*/\1/p' lib/beget.map | tail -n 1)" "$node"
readelf -dW "$shared" >"$tmp/dynamic"
equal "the soname has the major version" \
	"$(sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' "$tmp/dynamic")" "libbeget.so.${version%%.*}"

# Exports: the functions that beget.h declares, each in the node of its release.
echo '#include <beget.h>' | $CC -E -P -Iinclude - | grep -oE 'beget_[a-z0-9][a-z0-9_]* *\(' | tr -d ' (' | sort -u \
	>"$tmp/declared"
nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' >"$tmp/exported"
sed 's/@.*//' "$tmp/exported" | sort -u >"$tmp/names"
if [ -s "$tmp/declared" ]; then
	comm -23 "$tmp/declared" "$tmp/names" >"$tmp/out"
else
	echo "no function found in beget.h" >"$tmp/out"
fi
report "each function of beget.h is exported"
comm -13 "$tmp/declared" "$tmp/names" >"$tmp/out"
report "nothing else is exported"
grep -v "@@$node\$" "$tmp/exported" >"$tmp/out"
report "each export is in the node $node"

sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$tmp/dynamic" |
	grep -vE '^(libffi\.so\.[0-9]+|libdl\.so\.2|libc\.so(\.6)?|libc\.musl-.*\.so\.1|ld-[a-z0-9_-]+\.so\.[0-9]+)$' >"$tmp/out"
report "libffi and libc are all it needs"

nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 && $3 !~ /^beget_/ { print $3 }' >"$tmp/out"
report "each global symbol of the static library begins with beget_"
nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 && $3 !~ /^beget__/ { print $3 }' | sort -u |
	comm -13 "$tmp/declared" - >"$tmp/out"
report "those that beget.h does not declare begin with beget__"

# An object without the note .GNU-stack makes the stack of the whole program executable.
readelf -lW "$shared" | awk '
	/GNU_STACK/ { seen = 1; if ($0 ~ /RWE/) print "GNU_STACK is executable" }
	END { if (!seen) print "GNU_STACK is missing" }' >"$tmp/out"
report "no executable stack in the shared library"
readelf -SW "$static" | awk '
	function done() { if (file != "" && !good) print file }
	/^File:/ { done(); file = $2; good = 0 }
	/\.note\.GNU-stack/ { good = $0 !~ / [A-Z]*X[A-Z]* / }
	END { done() }' >"$tmp/out"
report "no executable stack in the static library"

echo "1..$n"
exit $failed
