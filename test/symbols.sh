#!/bin/sh
# What the built libraries export: the functions of the public headers and nothing else. The version is the same
# everywhere; libffi and libc are the only dependencies; the stack is not executable.
. test/tap
shared=$BUILD/libbeget.so
static=$BUILD/libbeget.a

for tool in nm readelf; do
	command -v $tool >/dev/null 2>&1 || skip_all "$tool is not installed"
done
for file in "$shared" "$static" Makefile lib/beget.map; do
	[ -e "$file" ] || skip_all "there is no $file yet"
done

# The version.
version=$(sed -n 's/^VERSION *:*= *\([0-9.]*\) *$/\1/p' Makefile)
node=BEGET_${version%.*}
sed -n 's/^#define BEGET_VERSION "\(.*\)"$/\1/p' include/beget.h >"$tmp/out"
same "BEGET_VERSION is the Makefile's" "$version"
sed -n 's/^\(BEGET_[0-9.]*\) *{.*/\1/p' lib/beget.map | tail -n 1 >"$tmp/out"
same "the last node of lib/beget.map is of this version" "$node"
readelf -dW "$shared" >"$tmp/dynamic"
sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' "$tmp/dynamic" >"$tmp/out"
same "the soname has the major version" "libbeget.so.${version%%.*}"

# If the library were unloaded and loaded again, it would leave a helper and descriptors behind each time.
grep -o NODELETE "$tmp/dynamic" >"$tmp/out"
same "the library stays loaded" NODELETE

# Exports: the functions that the public headers declare, each in the version node of its release.
printf '#include <beget/pool.h>\n#include <beget/service.h>\n' | $CC -E -P -Iinclude - | grep -oE 'beget_[a-z0-9][a-z0-9_]* *\(' | tr -d ' (' | sort -u \
	>"$tmp/declared"
nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' >"$tmp/exported"
sed 's/@.*//' "$tmp/exported" | sort -u >"$tmp/names"
if [ -s "$tmp/declared" ]; then
	comm -23 "$tmp/declared" "$tmp/names" >"$tmp/out"
else
	echo "no function found in the public headers" >"$tmp/out"
fi
none "each declared function is exported"
comm -13 "$tmp/declared" "$tmp/names" >"$tmp/out"
none "nothing else is exported"
grep -v "@@$node\$" "$tmp/exported" >"$tmp/out"
none "each export is in the node $node"

sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$tmp/dynamic" |
	grep -vE '^(libffi\.so\.[0-9]+|lib(dl|pthread|rt)\.so\.[0-9]|libc\.so(\.6)?|libc\.musl-.*\.so\.1|ld-[a-z0-9_-]+\.so\.[0-9]+)$' >"$tmp/out"
none "libffi and libc are all it needs"

nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 && $3 !~ /^beget_/ { print $3 }' >"$tmp/out"
none "each global symbol of the static library begins with beget_"
nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 && $3 !~ /^beget__/ { print $3 }' | sort -u |
	comm -13 "$tmp/declared" - >"$tmp/out"
none "those that no public header declares begin with beget__"

# A single object without the note .GNU-stack makes the stack of the whole program executable.
readelf -lW "$shared" | awk '
	/GNU_STACK/ { seen = 1; if ($0 ~ /RWE/) print "GNU_STACK is executable" }
	END { if (!seen) print "GNU_STACK is missing" }' >"$tmp/out"
none "no executable stack in the shared library"
readelf -SW "$static" | awk '
	function done() { if (file != "" && !good) print file }
	/^File:/ { done(); file = $2; good = 0 }
	/\.note\.GNU-stack/ { good = $0 !~ / [A-Z]*X[A-Z]* / }
	END { done() }' >"$tmp/out"
none "no executable stack in the static library"

finish
