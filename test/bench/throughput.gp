load here."/plot.gp"
set title "Starts per second, each waited for"
set ylabel "starts per second (median)"
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
set boxwidth 0.9
set logscale y
set yrange [5:*]
set format y "%.0f"
set tics scale 0
set key top right inside
set rmargin 10
set xtics rotate by -35 font ",11"
names = "gsub(\"multiprocessing \", \"\", $2)"
slices(threads) = sprintf("< awk -F, '$1 == \"throughput\" && $3 == %d { %s; print $2 \",\" 1e6 / $7 }' %s", threads, names, csv)
plot slices(1) using 2:xtic(1) lc rgb "#8b949e" title "1 thread", slices(2) using 2 lc rgb "#2f81f7" title "2 threads"
