#!/bin/sh
# What root may do and others may not is often noticed late: programs whose tests need no rights, run by a user without.
. test/tap
chmod 755 "$tmp" # another user executes what lies there

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null 2>&1; then
	skip_all "needs root, who can be somebody else, and setpriv"
fi
for program in test/prog/host test/helper_killed test/helper_storm test/start_wait test/server_spares; do
	cp "$BUILD/$program" "$tmp/program"
	(cd "$tmp" && timeout 120 setpriv --reuid 65534 --regid 65534 --clear-groups ./program) >"$tmp/out" 2>&1
	report "$program" $?
done
# One that they may execute and not read.
cp "$BUILD/test/start_launch" "$tmp/program"
chmod 711 "$tmp/program"
(cd "$tmp" && timeout 120 setpriv --reuid 65534 --regid 65534 --clear-groups ./program) >"$tmp/out" 2>&1
report "a program that cannot be read" $?

finish
