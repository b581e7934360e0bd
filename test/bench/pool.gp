load here."/plot.gp"
set title "Small tasks through two workers"
set xlabel "tasks unfinished at once"
set ylabel "tasks per second (median)"
set logscale xy
set xrange [0.8:320]
set format y "%.0f"
set xtics (1, 4, 16, 64, 256)
tasks(way, figure) = sprintf("< awk -F, '$1 == \"pool\" && $2 == \"%s\" && $4 == \"%s\" { print $3 \",\" 1e6 / $7 }' %s", way, figure, csv)
plot tasks("raw messages", "1 workers") with linespoints ls 1 title "raw messages, one worker", \
     tasks("hand-written loop", "2 workers") with linespoints ls 5 title "hand-written loop", \
     tasks("beget pool", "2 workers") with linespoints ls 3 title "beget pool", \
     tasks("beget one start per task", "2 workers") with linespoints ls 2 title "one start per task", \
     tasks("CPython executor", "2 workers") with linespoints ls 8 title "CPython executor", \
     tasks("CPython Pool", "2 workers") with linespoints ls 7 title "CPython Pool"
