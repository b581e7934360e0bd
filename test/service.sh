#!/bin/sh
# The service in examples/service: it answers what its functions return, and loses no request while it reloads, scales
# and is killed in part.
. test/tap

[ -x "$BUILD/test/prog/counting" ] || skip_all "no microhttpd.h"
command -v curl >/dev/null 2>&1 || skip_all "no curl"

pid='' next=''
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$tmp"' EXIT
cp "$BUILD/examples/service" "$tmp/service" # a name that no other process has

# Runs a command until it succeeds, for about 10 seconds at most.
retry() {
	for _ in $(seq 200); do
		! "$@" || return 0
		sleep 0.05
	done
	cp "$tmp/log" "$tmp/out"
	return 1
}

# A number and a pattern: waits until the log has as many lines with it.
has() {
	[ "$(grep -c "$2" "$tmp/log")" -ge "$1" ]
}
await() {
	kill -0 "$pid" && retry has "$1" "$2"
}

# The points with what the functions return when they are called directly.
expect() {
	"$tmp/service" predict "$tmp/model" <"$tmp/points" >"$tmp/numbers" &&
		paste -d ' ' "$tmp/points" "$tmp/numbers" >"$tmp/expected"
}

# Requests all points; prints each with its answer, or "lost".
request() {
	curl -s -K "$tmp/requests" | awk 'NF == 1 { answer = $1 } NF == 3 { print $2, $3, $1 == 200 ? answer : "lost"; answer = "lost" }'
}

# The status of a request with these arguments of curl.
status() {
	curl -s -m 10 -o /dev/null -w '%{http_code}\n' "$@"
}

newest() {
	sed -n 's/^child \([0-9]*\) is ready$/\1/p' "$tmp/log" | tail -n 1
}

awk 'BEGIN { for (i = 0; i < 100; i++) print i * 37 % 101, i * 53 % 97 }' >"$tmp/points"
"$tmp/service" train "$tmp/model" 1 && expect
"$tmp/service" serve "$tmp/model" 0 >"$tmp/log" 2>&1 &
pid=$!
await 4 'is ready'
report "the children are ready" $?
url=$(head -n 1 "$tmp/log")
while read -r x y; do
	printf '%surl = %s\ndata = "%s %s"\nmax-time = 10\nwrite-out = "%%{http_code} %s %s\\n"\n' "$next" "$url" "$x" "$y" "$x" "$y"
	next='next
'
done <"$tmp/points" >"$tmp/requests"

request >"$tmp/out"
same "predictions are those of a direct call" "$(cat "$tmp/expected")"

# The status of each bad request.
refused() {
	for body in '' 1 '1 2 3' 'a b' '1 nan' '1 1e300' "$(cat "$tmp/points")"; do
		status -d "$body" "$url"
	done
	status "$url"
	status -d '1 2' "${url}s"
}
refused >"$tmp/out"
same "bad requests" '400
400
400
400
400
400
400
405
404'

# Clients request until this file is gone.
: >"$tmp/open"
clients=
for client in 1 2 3 4; do
	while [ -e "$tmp/open" ]; do request; done >"$tmp/answers$client" &
	clients="$clients $!"
done
kill -HUP $pid && await 1 'has taken over'
report "a reload under load" $?
kill -TTIN $pid && await 9 'is ready'
report "one child more" $?
kill -KILL "$(newest)" && await 10 'is ready'
report "a child in place of one that was killed" $?
kill -SEGV "$(newest)" && await 11 'is ready'
report "a child in place of one that crashed" $?
kill -TTOU $pid && await 5 'exited with code 0'
report "one child fewer" $?
kill -HUP $pid && await 2 'has taken over' && await 9 'exited with code 0'
report "another reload" $?
rm "$tmp/open"
# Process numbers, several words.
# shellcheck disable=SC2086
wait $clients

sort "$tmp"/answers* >"$tmp/answers"
grep -vxF -f "$tmp/expected" "$tmp/answers" | grep -v ' lost$' >"$tmp/out"
[ -s "$tmp/answers" ] || echo "there are no answers" >"$tmp/out"
none "all answers under load are right"
[ "$(grep -c ' lost$' "$tmp/answers")" -le 2 ]
report "each child that was killed lost one request at most, and no other was lost" $?

"$tmp/service" train "$tmp/model" 2 && expect
kill -HUP $pid && await 3 'has taken over' && await 13 'exited with code 0' && request >"$tmp/out"
same "a new model" "$(cat "$tmp/expected")"

echo damaged >"$tmp/model"
kill -HUP $pid && await 1 'the reload failed: .*Bad message' && request >"$tmp/out"
same "a model that cannot be loaded leaves the one that there is" "$(cat "$tmp/expected")"

# A request whose body is not complete when the service is asked to end.
mkfifo "$tmp/body"
curl -sv -m 20 -X POST -H 'Expect: 100-continue' -T - "$url" <"$tmp/body" >"$tmp/answer" 2>"$tmp/trace" &
client=$!
exec 3>"$tmp/body"
printf '0 ' >&3
retry grep -q '100 Continue' "$tmp/trace"
kill -TERM $pid && await 16 'exited with code 0'
printf 0 >&3
exec 3>&-
wait $client
cp "$tmp/answer" "$tmp/out"
same "SIGTERM lets an open request finish" "$(sed -n 's/^0 0 //p' "$tmp/expected")"
retry has 1 'the last child has ended' || kill -KILL "$pid"
wait "$pid"
report "the service exits with code 0" $?
pid=''
gone() {
	! find /proc/[0-9]*/exe -lname "$tmp/service*" 2>/dev/null | grep .
}
retry gone >"$tmp/left"
report "nothing is left behind" $?

# The same program, but it reports each prediction.
cp "$BUILD/test/prog/counting" "$tmp/service"
"$tmp/service" train "$tmp/model" 1
"$tmp/service" serve "$tmp/model" 0 >"$tmp/log" 2>&1 &
pid=$!
await 4 'is ready'
url=$(head -n 1 "$tmp/log")
{
	refused | sort | uniq -c
	grep -c predicted "$tmp/log"
	status -d '1 2' "$url"
	grep -c predicted "$tmp/log"
} >"$tmp/out"
kill -TERM $pid
wait $pid
pid=''
same "a bad request does not reach the predictor" '      7 400
      1 404
      1 405
0
200
1'

finish
