#!/bin/sh
# Programs that gain privileges when executed can only fork, even after they have dropped the privileges. A program that
# is executed as if the library had started it never reaches its main, even if a user executes it so.
. test/tap
prog=$BUILD/test/prog
chmod 755 "$tmp" # another user executes files in it

refused="main goes on
$(methods ok EPERM)"
accepted="main goes on
$(methods ok)"
obeys_nobody="beget: this argument is reserved for processes that beget starts
exit 127"

# The library's own arguments, given by hand.
for mark in --beget-child --beget-helper; do
	ended 20 "$prog/setid" $mark </dev/null 3<&-
	same "$mark by hand exits with 127 and a sentence" "$obeys_nobody"
	ended 20 "$prog/setid" $mark 3<>/dev/null
	same "$mark by hand with a file in the socket's place" "$obeys_nobody"
done
timeout 20 "$prog/setid" starts >"$tmp/out"
same "a program without rights to gain" "$accepted"

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null 2>&1; then
	for name in set-user-ID set-group-ID "file capabilities" "rights given up" "a socket of another user"; do
		skip "$name" "needs root and setpriv"
	done
	finish
fi

as_nobody() {
	timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$@" >"$tmp/out" 2>&1
}
as_root() {
	timeout 60 "$@" >"$tmp/out" 2>&1
}

cp "$prog/setid" "$tmp/plain" && chown 0:0 "$tmp/plain" && chmod 755 "$tmp/plain"
if ! as_nobody "$tmp/plain" starts; then
	skip "set-id programs" "another user cannot execute them here"
	finish
fi
same "a program of another user without rights to gain" "$accepted"
cp "$tmp/plain" "$tmp/unreadable" && chmod 711 "$tmp/unreadable"
as_nobody "$tmp/unreadable" starts
same "a program that may be executed but not read" "$accepted"

# Set-id: $tmp may be mounted nosuid, and then nothing is gained; the file's mode alone causes the refusal.
for mode in 4755 2755; do
	cp "$tmp/plain" "$tmp/$mode" && chmod $mode "$tmp/$mode"
	as_nobody "$tmp/$mode" starts
	same "mode $mode" "$refused"
	as_nobody "$tmp/$mode" drops
	same "mode $mode, rights given up" "$refused"
	as_root "$tmp/$mode" starts
	same "mode $mode, run by root, who gains nothing" "$refused"
	as_root "$tmp/$mode" drops
	same "mode $mode, run by root, who then becomes another" "$refused"
	for mark in --beget-child --beget-helper; do
		as_nobody "$tmp/$mode" $mark 3<&-
		echo "exit $?" >"$tmp/out"
		same "mode $mode, $mark by hand" "exit 127"
	done
done
as_nobody "$tmp/4755" helped
same "mode 4755, a helper tried before" "$(echo "$refused" | sed '1a\
before: EPERM')"

if command -v setcap >/dev/null 2>&1 && cp "$tmp/plain" "$tmp/capable" &&
	setcap cap_net_bind_service+ep "$tmp/capable" 2>/dev/null; then
	as_nobody "$tmp/capable" starts
	same "file capabilities" "$refused"
	as_root "$tmp/capable" starts
	same "file capabilities, run by root" "$refused"
else
	skip "file capabilities" "setcap is missing or not allowed"
fi

# A daemon that has dropped its privileges for a while; and fakeroot, under which libc reports another user than the
# kernel.
mixed="caller: cannot execute a program: the real and effective ids of this process differ"
as_root "$tmp/plain" seteuid
same "real and effective user differ" "main goes on
spawn: EPERM
$mixed
forkserver: EPERM
$mixed
fork: ok"
cp "$BUILD/test/lib/other_ids.so" "$tmp/other_ids.so" && chmod 755 "$tmp/other_ids.so"
as_nobody env LD_PRELOAD="$tmp/other_ids.so" "$tmp/plain" starts
same "libc names another user than the kernel" "$accepted"

# A process with such an argument obeys only a socket that its own user created. If the other end has closed, it exits.
for mark in --beget-child --beget-helper; do
	ended 20 "$prog/foreign" 0 "$tmp/plain" $mark
	same "$mark on root's socket" "exit 0"
	ended 20 "$prog/foreign" 65534 "$tmp/plain" $mark
	same "$mark on a socket of another user" "$obeys_nobody"
done

finish
