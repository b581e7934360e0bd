# Converts bench.csv to the tables on the terminal and the goals or, with -v markdown=MEASURE, to the table of COSTS.md
# about this measure. The key of a figure is "measure|way|at|figure".
BEGIN { FS = "," }
NR == 1 { next }
{
	key = $1 "|" $2 "|" $3 "|" $4
	n[key] = $6; median[key] = $7; p99[key] = $8
	if (!(($1, $2) in seen)) { seen[$1, $2] = 1; ways[$1] = ways[$1] "," $2 }
	if (!(($1, $3) in at)) { at[$1, $3] = 1; ats[$1] = ats[$1] "," $3 }
	if (!(($1, $2, $4) in kind)) { kind[$1, $2, $4] = 1; kinds[$1] = kinds[$1] ";" $2 "|" $4 }
}

function has(key) { return key in median }
function cell(width, format, value) { return sprintf("%" width "s", sprintf(format, value)) }
function us(v) { return sprintf(v < 10 ? "%.2f" : v < 1000 ? "%.1f" : "%.0f", v) }
function bytes(v) { return v >= 1073741824 ? v / 1073741824 " GiB" : v >= 1048576 ? v / 1048576 " MiB" : v / 1024 " KiB" }

# value, p99, ratio to the base
function figure(key, base) {
	if (!has(key)) return sprintf("%34s", "-")
	return sprintf("%10s %11s %11s", us(median[key]), us(p99[key]), has(base) ? sprintf("x%.2f", median[key] / median[base]) : "")
}

function start_table(measure, where, title,   i, w, k, base) {
	k = split(substr(ways[measure], 2), w, ",")
	base = measure "|bare fork|" where "|"
	printf "\n%s\n\n%-36s %34s   %34s %6s\n", title, "", "first instruction, us", "total, us", ""
	printf "%-36s %10s %11s %11s   %10s %11s %11s %6s\n", "", "median", "p99", "/bare fork", "median", "p99", "/bare fork", "n"
	for (i = 1; i <= k; i++)
		if (has(measure "|" w[i] "|" where "|total"))
			printf "%-36s %s   %s %6d\n", w[i], figure(measure "|" w[i] "|" where "|first", base "first"),
				figure(measure "|" w[i] "|" where "|total", base "total"), n[measure "|" w[i] "|" where "|total"]
}

# One row per way, one column per size: the medians of a figure.
function wide_table(measure, fig, title, unit,   i, j, a, w, k, m, key) {
	k = split(substr(ways[measure], 2), w, ",")
	m = split(substr(ats[measure], 2), a, ",")
	printf "\n%s\n\n%-36s", title, ""
	for (j = 1; j <= m; j++) printf " %22s", a[j] " " unit
	print ""
	for (i = 1; i <= k; i++) {
		printf "%-36s", w[i]
		for (j = 1; j <= m; j++) {
			key = measure "|" w[i] "|" a[j] "|" fig
			if (has(key))
				printf " %10s %11s", us(median[key]), sprintf("x%.2f", median[key] / median[measure "|bare fork|" a[j] "|" fig])
			else
				printf " %22s", "-"
		}
		print ""
	}
}

function throughput_table(   i, w, k, t, key, one) {
	k = split(substr(ways["throughput"], 2), w, ",")
	printf "\nStarts per second, each waited for (median of slices)\n\n%-36s %22s %22s\n", "", "1 thread /bare fork", "2 threads /bare fork"
	for (i = 1; i <= k; i++) {
		printf "%-36s", w[i]
		for (t = 1; t <= 2; t++) {
			key = "throughput|" w[i] "|" t "|each"; one = "throughput|bare fork|" t "|each"
			if (has(key)) printf " %11.0f %10s", 1e6 / median[key], sprintf("x%.2f", median[one] / median[key])
		}
		print ""
	}
}

# One row per kind, one column per size; below each, the ratio to one memcpy.
function arguments_table(   i, j, a, w, k, m, key, base) {
	k = split(substr(kinds["arguments"], 2), w, ";")
	m = split(substr(ats["arguments"], 2), a, ",")
	printf "\nArguments and results: us, and of one memcpy into fresh memory\n\n%-40s", ""
	for (j = 1; j <= m; j++) printf " %17s", bytes(a[j])
	print ""
	for (i = 1; i <= k; i++) {
		split(w[i], part, "|")
		printf "%-40s", part[1] ", " part[2]
		for (j = 1; j <= m; j++) {
			key = "arguments|" part[1] "|" a[j] "|" part[2]
			base = "arguments|memcpy|" a[j] "|" (part[2] ~ /whole/ ? "copy whole" : "copy")
			if (has(key)) printf " %9s %7s", us(median[key]), sprintf("x%.2f", median[key] / median[base])
			else printf " %17s", "-"
		}
		print ""
	}
}

function join_table(   i, j, a, w, k, m, key) {
	k = split(substr(kinds["join"], 2), w, ";")
	m = split(substr(ats["join"], 2), a, ",")
	printf "\nJoining n children that have ended: us each; descriptors of the caller for each\n\n%-36s", ""
	for (j = 1; j <= m; j++) printf " %10s", a[j]
	print ""
	for (i = 1; i <= k; i++) {
		split(w[i], part, "|")
		printf "%-36s", part[1] ", " part[2]
		for (j = 1; j <= m; j++) {
			key = "join|" part[1] "|" a[j] "|" part[2]
			printf " %10s", has(key) ? us(median[key]) : "-"
		}
		print ""
	}
}

# One row per way, one column per place: the medians of a measure and a figure, and the ratio to another way.
function pool_table(title, measure, fig, base, unit,   i, j, a, w, k, m, key, other) {
	k = split(substr(ways[measure], 2), w, ",")
	m = split(substr(ats[measure], 2), a, ",")
	printf "\n%s\n\n%-32s", title, ""
	for (j = 1; j <= m; j++) printf " %18s", unit == "bytes" ? (a[j] < 1024 ? a[j] " bytes" : bytes(a[j])) : a[j] " " unit
	print ""
	for (i = 1; i <= k; i++) {
		if (!((measure, w[i], fig) in kind)) continue
		printf "%-32s", w[i]
		for (j = 1; j <= m; j++) {
			key = measure "|" w[i] "|" a[j] "|" fig
			other = measure "|" base "|" a[j] "|" fig
			if (!has(key)) printf " %18s", "-"
			else if (fig == "busy") printf " %17.1f%%", median[key]
			else printf " %9.0f %8s", 1e6 / median[key], has(other) ? sprintf("x%.3g", median[other] / median[key]) : ""
		}
		print ""
	}
}

function pool_tables(   n) {
	for (n = 1; n <= 4; n *= 2)
		pool_table("Small tasks per second through " n (n > 1 ? " workers" : " worker") " by tasks unfinished at once, and of the loop by hand (a map has all at once)", "pool", n " workers", "hand-written loop", "at once")
	pool_table("The same through 2 workers, 16 at once, by bytes in and out", "pool size", "each", "hand-written loop", "bytes")
	pool_table("The same through 2 workers, 64 at once, by length", "pool length", "each", "hand-written loop", "us")
	pool_table("How busy 2 workers are, tasks of 1 ms, with a caller that looks in every so many us", "pool busy", "busy", "", "us")
}

# A cell: a figure of a service, and its ratio to that of the first one.
function service_cell(fig, way, unit, base,   key) {
	key = "service|" way "|4|" fig
	base = "service|" base "|4|" fig
	if (!has(key)) return "-"
	return sprintf(median[key] < 10 ? "%.1f%s%s" : "%.0f%s%s", median[key], unit,
		has(base) ? sprintf(" (%.2f)", median[key] / median[base]) : "")
}

function service_table(format,   i, k, w) {
	k = split(substr(ways["service"], 2), w, ",")
	for (i = 1; i <= k; i++)
		printf format, w[i], service_cell("requests", w[i], "", w[1]),
			service_cell("processor", w[i], " us", w[1]), service_cell("worker", w[i], " MiB"),
			service_cell("private", w[i], " MiB"), service_cell("all", w[i], " MiB"),
			service_cell("reload", w[i], " ms"), has("service|" w[i] "|4|lost") ? p99["service|" w[i] "|4|lost"] + 0 : "-"
}

function service_tables() {
	printf "\nServers of a model of 64 MiB with 4 workers: requests per second (of the first), memory, a reload\n\n"
	printf "%-20s %14s %15s %12s %12s %12s %12s %6s\n", "", "requests/s", "processor time", "PSS each", "private each", "PSS of all", "reload", "lost"
	service_table("%-20s %14s %15s %12s %12s %12s %12s %6s\n")
}

# A title, the keys of the figure and its base, and the maximum (with least: the minimum) of their ratio.
function goal(what, key, base, limit, least,   ratio, mark) {
	if (!has(key) || !has(base)) {
		printf "%-66s %9s %9s   %s\n", what, "-", (least ? ">= " : "<= ") limit, "not measured"
		return
	}
	ratio = median[key] / median[base]
	mark = (least ? ratio >= limit : ratio <= limit) ? "reached" : "missed"
	printf "%-66s %9.2f %9s   %s\n", what, ratio, (least ? ">= " : "<= ") limit, mark
}

# Spares are used after a rest, during which they are created, and so are the ways that they are compared with.
function goals(   f, s, fr, sr, a, g, k, p) {
	f = "start|bare fork|0|"; s = "start|posix_spawn|0|"; fr = "start|bare fork after a rest|0|"; sr = "start|posix_spawn after a rest|0|"; a = "arguments|beget forkserver|"; g = "|1073741824|"
	printf "\nGoals\n\n%-66s %9s %9s\n", "", "ratio", "goal"
	goal("fork, total / bare fork's", "start|beget fork|0|total", f "total", 1.3)
	goal("forkserver without spares, total / bare fork's", "start|beget forkserver|0|total", f "total", 1.3)
	goal("forkserver with 8 GB in the caller, total / with 0", "memory|beget forkserver|8|total", "memory|beget forkserver|0|total", 1.1)
	goal("forkserver with spares, first / bare fork's", "start|beget forkserver spares|0|first", fr "first", 0.3)
	goal("forkserver with spares, server state, first / bare fork's", "start|beget forkserver spares server state|0|first", fr "first", 0.15)
	goal("forkserver with spares, total / bare fork's", "start|beget forkserver spares|0|total", fr "total", 0.6)
	goal("beget_start returns, forkserver / bare fork's total", "start|beget forkserver|0|returned", f "total", 0.2)
	goal("spawn without spares, total / posix_spawn's", "start|beget spawn|0|total", s "total", 1.15)
	goal("spawn of a static musl program, total / of a dynamic glibc one", "start|beget spawn static musl|0|total", "start|beget spawn|0|total", 0.36)
	goal("spawn with spares, first / posix_spawn's", "start|beget spawn spares|0|first", sr "first", 0.1)
	goal("forkserver in bwrap, total / forkserver's", "start|beget forkserver in bwrap|0|total", "start|beget forkserver|0|total", 1.1)
	goal("bwrap, total / forkserver in bwrap", "start|bwrap|0|total", "start|beget forkserver in bwrap|0|total", 5, 1)
	goal("a 1 GiB buffer argument, total / a 1 KiB one", a "1073741824|buffer argument", a "1073741824|buffer argument of 1 KiB", 1.2)
	goal("a 1 GiB buffer result / a 1 KiB one", a "1073741824|buffer result", a "1073741824|buffer result of 1 KiB", 1.2)
	goal("a 1 GiB bytes argument, total / memcpy", a "1073741824|bytes argument", "arguments|memcpy" g "copy", 1.2)
	goal("  read by the target too / memcpy and reading", a "1073741824|bytes argument whole", "arguments|memcpy" g "copy whole", 1.2)
	goal("a 1 GiB bytes result / memcpy", a "1073741824|bytes result", "arguments|memcpy" g "copy", 1.2)
	goal("  read by the caller too / memcpy and reading", a "1073741824|bytes result whole", "arguments|memcpy" g "copy whole", 1.2)
	median["one"] = 1
	k = "join|beget forkserver|1000|descriptors"
	goal("1000 running children, descriptors of the caller for each", k, "one", 2)
	goal("joining 5000 children one by one, each / of 100", "join|beget forkserver|5000|one by one", "join|beget forkserver|100|one by one", 2)
	goal("joining 5000 children by epoll, each / of 100", "join|beget forkserver|5000|epoll", "join|beget forkserver|100|epoll", 2)
	k = "start|CPython multiprocessing "
	goal("CPython's fork / beget's, total", k "fork|0|total", "start|beget fork|0|total", 8, 1)
	goal("CPython's forkserver / beget's, total", k "forkserver|0|total", "start|beget forkserver|0|total", 20, 1)
	goal("CPython's spawn / beget's, total", k "spawn|0|total", "start|beget spawn|0|total", 50, 1)
	p = "|256|2 workers"
	goal("a task on an idle worker / a raw round trip", "pool|beget pool|1|1 workers", "pool|raw messages|1|1 workers", 1.5)
	goal("tasks per second, pool of 2 / raw messages", "pool|raw messages|256|1 workers", "pool|beget pool" p, 0.6, 1)
	goal("  / hand-written loop", "pool|hand-written loop" p, "pool|beget pool" p, 1, 1)
	goal("  / CPython executor, one by one", "pool|CPython executor|1|2 workers", "pool|beget pool|1|2 workers", 20, 1)
	goal("  / CPython executor, map with chunk 1", "pool|CPython executor map chunk 1" p, "pool|beget pool" p, 20, 1)
	goal("  of 64 KiB in and out / hand-written loop", "pool size|hand-written loop|65536|each", "pool size|beget pool|65536|each", 1, 1)
	median["percent"] = 100
	goal("workers busy, the caller looks in every 10 ms", "pool busy|beget pool|10000|busy", "percent", 0.95, 1)
	goal("requests per second, a service / children kept by hand", "service|beget service|4|requests", "service|fork by hand|4|requests", 0.95, 1)
	goal("processor time of a request, a service / children kept by hand", "service|beget service|4|processor", "service|fork by hand|4|processor", 1.05)
	goal("PSS of all processes, a service / children kept by hand", "service|beget service|4|all", "service|fork by hand|4|all", 1.1)
	goal("requests lost by a reload", "service|beget service|4|lost", "one", 0)
}

# A way's total at that many GB, as a multiple of a bare fork's total at 0 GB.
function multiple(measure, way, at, base, fig) {
	key = measure "|" way "|" at "|" fig
	if (!has(key)) return "-"
	ratio = median[key] / median[base]
	return sprintf(ratio < 0.1 ? "%.3f" : ratio < 20 ? "%.2f" : "%.0f", ratio)
}

function markdown_services() {
	print "| | requests per second | processor time of a request | PSS of a worker | private memory of a worker | PSS of all processes | reload | requests lost |"
	print "|---|---|---|---|---|---|---|---|"
	service_table("| %s | %s | %s | %s | %s | %s | %s | %s |\n")
}

function markdown_starts(   i, k, w, way) {
	k = split(substr(ways["start"], 2), w, ",")
	print "| | first instruction | total | total, caller of 1 GB | 8 GB |"
	print "|---|---|---|---|---|"
	for (i = 1; i <= k; i++)
		printf "| %s | %s | %s | %s | %s |\n", w[i],
			multiple("start", w[i], 0, "start|bare fork|0|first", "first"),
			multiple("start", w[i], 0, "start|bare fork|0|total", "total"),
			multiple("memory", w[i], 1, "memory|bare fork|0|total", "total"),
			multiple("memory", w[i], 8, "memory|bare fork|0|total", "total")
}

END {
	if (markdown == "start") markdown_starts()
	if (markdown == "service") markdown_services()
	if (markdown) exit
	if ("start" in ways) start_table("start", 0, "One start from a small program")
	if ("memory" in ways) wide_table("memory", "total", "One start, total, by what the caller holds (touched, pages of 4 KiB): us, and of bare fork", "GB")
	if ("libraries" in ways) {
		wide_table("libraries", "first", "One start, first instruction, by libraries mapped: us, and of bare fork", "libraries")
		wide_table("libraries", "total", "One start, total, by libraries mapped: us, and of bare fork", "libraries")
	}
	if ("throughput" in ways) throughput_table()
	if ("arguments" in ways) arguments_table()
	if ("join" in ways) join_table()
	if ("pool" in ways) pool_tables()
	if ("service" in ways) service_tables()
	goals()
}
