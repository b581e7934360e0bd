#!/bin/sh
# Programs whose tests need no privileges are run by an ordinary user: what only root may do is otherwise noticed late.
. test/tap
chmod 755 "$tmp" # another user executes files in it

if [ "$(id -u)" != 0 ] || ! command -v setpriv >/dev/null 2>&1; then
	skip_all "needs root, who can be somebody else, and setpriv"
fi
for program in test/prog/host test/helper_killed test/helper_storm test/start_wait test/server_spares test/start_launcher \
	test/start_unlaunched test/server_sandbox test/start_tree test/start_limit test/start_rlimits; do
	cp "$BUILD/$program" "$tmp/program"
	(cd "$tmp" && timeout 120 setpriv --reuid 65534 --regid 65534 --clear-groups ./program) >"$tmp/out" 2>&1
	report "$program" $?
done
# A copy that the user can execute but not read.
cp "$BUILD/test/start_launch" "$tmp/program"
chmod 711 "$tmp/program"
(cd "$tmp" && timeout 120 setpriv --reuid 65534 --regid 65534 --clear-groups ./program) >"$tmp/out" 2>&1
report "a program that cannot be read" $?

finish
