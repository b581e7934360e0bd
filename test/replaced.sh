#!/bin/sh
# A program and its modules can be replaced or removed while it runs: old and new code are never mixed.
. test/tap

errno() {
	printf '#include <errno.h>\n-%s\n' "$1" | $CC -E -P - | tail -n 1 | tr -d ' '
}

all=$(methods 1)
stale=$(errno ESTALE)
noent=$(errno ENOENT)

fresh() {
	cp "$BUILD/test/prog/replaced" "$tmp/program"
	cp "$BUILD/test/prog/host" "$tmp/other"
	rm -f "$tmp/module.so"
}

# The program: its image was pinned when it started.
fresh
timeout 60 "$tmp/program" "rm $tmp/program" >"$tmp/out" 2>&1
same "the program is removed" "$all
$all
another: 1"
fresh
timeout 60 "$tmp/program" "mv $tmp/other $tmp/program" >"$tmp/out" 2>&1
same "the program is replaced" "$all
$all
another: 1"

# A module: running processes have the old one. A new process would load the new one and must not use the old one's
# addresses.
compile() {
	printf 'int other(void) { return %s; }\nint number(void) { return %s; }\n' "$1" "$1" |
		$CC -shared -fPIC "$2" -x c -o "$tmp/$3" - || exit 1
}
for kind in sha1 none; do
	compile 1 -Wl,--build-id=$kind old.so
	compile 2 -Wl,--build-id=$kind new.so
	fresh
	cp "$tmp/old.so" "$tmp/module.so"
	MODULE=$tmp/module.so timeout 60 "$tmp/program" "cp $tmp/new.so $tmp/copy && mv $tmp/copy $tmp/module.so" \
		>"$tmp/out" 2>&1
	same "a module is replaced, build-id $kind" "$all
fork: 1
spawn: outcome 3, code $stale
forkserver: 1
another: outcome 3, code $stale"
	fresh
	cp "$tmp/old.so" "$tmp/module.so"
	MODULE=$tmp/module.so timeout 60 "$tmp/program" "rm $tmp/module.so" >"$tmp/out" 2>&1
	same "a module is removed, build-id $kind" "$all
fork: 1
spawn: outcome 3, code $noent
forkserver: 1
another: outcome 3, code $noent"
	fresh
	cp "$tmp/old.so" "$tmp/module.so"
	MODULE=$tmp/module.so timeout 60 "$tmp/program" "cp $tmp/old.so $tmp/copy && mv $tmp/copy $tmp/module.so" \
		>"$tmp/out" 2>&1
	same "a module is replaced by the same, build-id $kind" "$all
$all
another: 1"
done

finish
