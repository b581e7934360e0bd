#!/bin/sh
# Programs that gain rights when executed can fork only, also after they gave the rights up; a program that is executed
# as if the library had started it never reaches its main, whoever does so.
BUILD=${BUILD:-build}
prog=$BUILD/test/prog
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$tmp"
n=0
failed=0

report() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		failed=1
		echo "not ok $n - $1"
		printf 'expected: %s\nfound: %s\n' "$3" "$2" | sed 's/^/# /'
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

refused='main goes on
fork: ok
spawn: EPERM
forkserver: EPERM'
accepted='main goes on
fork: ok
spawn: ok
forkserver: ok'

# Arguments that are the library's own, written by hand.
for mark in --beget-child --beget-helper; do
	out=$(timeout 20 "$prog/setid" $mark 2>&1 </dev/null 3<&-)
	report "$mark by hand exits with 127 and a sentence" "$? $out" \
		"127 beget: this argument is for processes that beget starts"
	out=$(timeout 20 "$prog/setid" $mark 2>&1 3<>/dev/null)
	report "$mark by hand with a file in the socket's place" "$? $out" \
		"127 beget: this argument is for processes that beget starts"
done
out=$(timeout 20 "$prog/setid" starts)
report "a program without rights to gain" "$out" "$accepted"

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null 2>&1; then
	for name in set-user-ID set-group-ID "file capabilities" "rights given up" "a socket of another user"; do
		skip "$name" "needs root and setpriv"
	done
	echo "1..$n"
	exit $failed
fi

as_nobody() {
	timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 2>&1
}

cp "$prog/setid" "$tmp/plain" && chown 0:0 "$tmp/plain" && chmod 755 "$tmp/plain"
if ! as_nobody "$tmp/plain" starts >/dev/null 2>&1; then
	skip "set-id programs" "another user cannot execute them here"
	echo "1..$n"
	exit $failed
fi
report "a program of another user without rights to gain" "$(as_nobody "$tmp/plain" starts)" "$accepted"

# set-id: $tmp may be mounted nosuid, then nothing is gained; the file's mode is enough for the refusal.
for mode in 4755 2755; do
	cp "$tmp/plain" "$tmp/$mode" && chmod $mode "$tmp/$mode"
	report "mode $mode" "$(as_nobody "$tmp/$mode" starts)" "$refused"
	report "mode $mode, rights given up" "$(as_nobody "$tmp/$mode" drops)" "$refused"
	report "mode $mode, run by root, who gains nothing" "$(timeout 60 "$tmp/$mode" starts 2>&1)" "$refused"
	report "mode $mode, run by root, who then becomes another" "$(timeout 60 "$tmp/$mode" drops 2>&1)" "$refused"
	for mark in --beget-child --beget-helper; do
		as_nobody "$tmp/$mode" $mark >/dev/null 3<&-
		report "mode $mode, $mark by hand" "$?" 127
	done
done
report "mode 4755, a helper tried before" "$(as_nobody "$tmp/4755" helped)" "$(echo "$refused" | sed '1a\
before: EPERM')"

if command -v setcap >/dev/null 2>&1 && cp "$tmp/plain" "$tmp/capable" &&
	setcap cap_net_bind_service+ep "$tmp/capable" 2>/dev/null; then
	report "file capabilities" "$(as_nobody "$tmp/capable" starts)" "$refused"
	report "file capabilities, run by root" "$(timeout 60 "$tmp/capable" starts 2>&1)" "$refused"
else
	skip "file capabilities" "setcap is missing or not allowed"
fi

# A marked child obeys only a socket that its own user made. With one that has ended already it leaves quietly.
for mark in --beget-child --beget-helper; do
	timeout 20 "$prog/foreign" 0 "$tmp/plain" $mark >"$tmp/out" 2>&1
	report "$mark on root's socket" "$? $(cat "$tmp/out")" "0 "
	timeout 20 "$prog/foreign" 65534 "$tmp/plain" $mark >"$tmp/out" 2>&1
	report "$mark on a socket of another user" "$? $(cat "$tmp/out")" \
		"127 beget: this argument is for processes that beget starts"
done

echo "1..$n"
exit $failed
