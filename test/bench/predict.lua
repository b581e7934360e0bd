-- What wrk requests, and its summary in one line: requests, microseconds, lost requests.
wrk.method = "POST"
wrk.body = "50 50"

function done(summary)
	local lost = summary.errors
	print("summary", summary.requests, summary.duration, lost.connect + lost.read + lost.write + lost.status + lost.timeout)
end
