load here."/plot.gp"
set title "One start from a small program"
set logscale x
set tics scale 0
set xrange [10:200000]
set xtics ("10 µs" 10, "100 µs" 100, "1 ms" 1000, "10 ms" 10000, "100 ms" 100000)
set xlabel "time since the start was called (median)"
set grid x noy lc rgb grey lw 0.3 dt 3
set key top right inside
set yrange [:] reverse
set offsets 0, 0, 0.5, 0.5
file = "< awk -F, '$1 == \"start\" && $4 == \"first\" && $2 !~ /after a rest/ { gsub(\"multiprocessing \", \"\", $2); first[$2] = $7; order[++n] = $2 } $1 == \"start\" && $4 == \"total\" { gsub(\"multiprocessing \", \"\", $2); total[$2] = $7 } END { for (i = 1; i <= n; i++) print i \",\" order[i] \",\" first[order[i]] \",\" total[order[i]] }' ".csv
plot file using (10):1:(10):4:($1-0.35):($1+0.35):ytic(2) with boxxyerror fs solid 0.35 noborder lc rgb "#2f81f7" title "until joined", \
     file using (10):1:(10):3:($1-0.35):($1+0.35) with boxxyerror fs solid 0.9 noborder lc rgb "#2f81f7" title "to the first instruction"
