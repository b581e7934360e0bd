#!/bin/sh
# Programs that never call beget_init: functions of shared libraries run in beget-host, from the build folder and
# installed.
. test/tap

case $BUILD in /*) build=$BUILD ;; *) build=$PWD/$BUILD ;; esac
lib=$build/test/lib
BEGET_HOST=$build/beget-host
export BEGET_HOST
plugins() {
	timeout 60 "$build/test/prog/plugins" "$@" >"$tmp/out" 2>&1
}

plugins "$lib/plugin.so" plugin_number
same "a plugin" "$(methods 1)"
plugins "$lib/dep.so" dep_number
same "a library that the program is linked with" "$(methods 40)"
(cd "$lib/two" && plugins ./twin.so plugin_number)
same "a relative path" "$(methods 2)"
plugins "$lib/needs.so" needs_number
same "a run path" "$(methods 42)"
mkdir "$tmp/hidden"
printf 'int hidden(void);\nint number(void) { return hidden() + 1; }\n' >"$tmp/uses.c"
printf 'int hidden(void) { return 7; }\n' |
	$CC -shared -fPIC -Wl,-soname,libhidden.so -x c -o "$tmp/hidden/libhidden.so" - &&
	$CC -shared -fPIC -o "$tmp/uses.so" "$tmp/uses.c" -L"$tmp/hidden" -lhidden
if with_musl; then
	skip "LD_LIBRARY_PATH, which the child has not" "musl finds no module by its soname that was loaded by its path"
else
	LD_LIBRARY_PATH=$tmp/hidden plugins "$tmp/uses.so" number
	same "LD_LIBRARY_PATH, which the child has not" "$(methods 8)"
	(cd "$tmp" && LD_LIBRARY_PATH=hidden plugins "$tmp/uses.so" number)
	same "a relative LD_LIBRARY_PATH" "$(methods 8)"
fi
plugins "$lib/no_build_id.so" plain_seven
same "a plugin without a build-id" "$(methods 7)"
plugins "$lib/nested.so" nested_number
same "a plugin that starts processes" "$(methods 7)"
LD_PRELOAD=$build/libbeget.so "$build/test/prog/plugins" "$lib/nested.so" nested_family >"$tmp/out" 2>&1
same "a plugin that uses the library has the child's" "fork: 0
spawn: 1
forkserver: 1"

for plugin in nested nested_static; do
	RELOADS=$$ timeout 60 "$build/test/prog/reloads" "$lib/$plugin.so" nested_number >"$tmp/out" 2>&1
	same "$plugin, loaded and unloaded" "7, 0 descriptors and 0 processes more"
done

ended 60 "$build/test/prog/no_init"
same "a function of the program itself is refused" "exit 0"

ended 60 "$build/test/prog/late_init"
same "a program that starts something before it calls beget_init" "exit 0"

timeout 60 "$build/test/prog/host_server" "$lib/plugin.so" >"$tmp/out" 2>&1
same "a server, prepared by a function of a plugin, with spares" "forkserver: 42
spawn: 0
forkserver: 42
spawn: 0
forkserver: 42
spawn: 0"

BEGET_TRACE=1 plugins "$lib/plugin.so" plugin_number
for role in "caller: launched helper" "helper: serves" "child: calls its target"; do
	grep -q "$role" "$tmp/out" || echo "no $role"
done >"$tmp/lines"
mv "$tmp/lines" "$tmp/out"
none "traces"

# Host programs that are missing or wrong.
BEGET_HOST=$tmp/none plugins "$lib/plugin.so" plugin_number
same "no host program" "$(methods 1 "caller: main did not call beget_init, and the host program $tmp/none cannot be opened \
(set BEGET_HOST to use another): No such file or directory, as explained")"
BEGET_HOST='' plugins "$tmp/missing.so" f
! grep -q '^fork' "$tmp/out" && echo refused >"$tmp/out"
same "no plugin" refused
echo text >"$tmp/none" && chmod 755 "$tmp/none"
BEGET_HOST=$tmp/none plugins "$lib/plugin.so" plugin_number
same "a file that is no program" "$(methods 1 "caller: cannot execute the host program $tmp/none: Exec format error")"
cp "$build/beget-host" "$tmp/setid" && chmod 4755 "$tmp/setid"
BEGET_HOST=$tmp/setid plugins "$lib/plugin.so" plugin_number
same "a set-user-ID host program" \
	"$(methods 1 "caller: cannot execute the host program: it is set-user-ID, set-group-ID or has file capabilities, as explained")"
BEGET_HOST=/bin/true plugins "$lib/plugin.so" plugin_number
sed -i 's/: process.* never reached its target: .*/: failed/; s/: caller: the helper exits.*/: failed/' "$tmp/out"
same "a program that is not the host" "fork: 1
spawn: failed
forkserver: failed"

# Run by a user.
"$build/beget-host" >"$tmp/out" 2>"$tmp/errors"
echo "$? $(grep -c 'beget-host(8)' "$tmp/errors")" >>"$tmp/out"
same "started by hand it says what it is for" "2 1"
ended 20 "$build/beget-host" --beget-child 3<&-
same "the argument of a helper is refused" "beget: this argument is reserved for processes that beget starts
exit 127"

# Installed: the library contains the path, and the host program finds its library.
copy=$tmp/build
mkdir "$copy" && cp -a "$BUILD/lib" "$BUILD"/libbeget* "$BUILD/.need-lib" "$copy"
MAKEFLAGS='' ${MAKE:-make} -s BUILD="$copy" CC="$CC" PREFIX="$tmp/there" install >"$tmp/out" 2>&1
report "make install" $?
unset BEGET_HOST
# CFLAGS may be several words.
# shellcheck disable=SC2086
$CC ${CFLAGS-} -I"$tmp/there/include" -o "$tmp/plugins" test/prog/plugins.c -L"$tmp/there/lib" -lbeget -ldl \
	-Wl,-rpath,"$tmp/there/lib" >"$tmp/out" 2>&1 && timeout 60 "$tmp/plugins" "$lib/plugin.so" plugin_number >"$tmp/out" 2>&1
same "an installed copy" "$(methods 1)"
mv "$tmp/there" "$tmp/elsewhere"
BEGET_HOST=$tmp/elsewhere/libexec/beget-host LD_LIBRARY_PATH=$tmp/elsewhere/lib timeout 60 \
	"$tmp/plugins" "$lib/plugin.so" plugin_number >"$tmp/out" 2>&1
same "an installed copy that was moved" "$(methods 1)"

finish
