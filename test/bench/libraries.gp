load here."/plot.gp"
set title "Start, run and join a function: time by libraries mapped"
set xlabel "libraries mapped in the program"
set ylabel "time until joined (median), µs"
set yrange [0:*]
set xrange [0:102]
set xtics (5, 30, 100)
m = "libraries"
plot rows(m, "bare fork", "total") with linespoints ls 1 title "bare fork", \
     rows(m, "beget fork", "total") with linespoints ls 2 title "beget, fork", \
     rows(m, "beget forkserver", "total") with linespoints ls 3 title "beget, forkserver", \
     rows(m, "beget forkserver spares", "total") with linespoints ls 9 title "  with spares", \
     rows(m, "beget spawn", "total") with linespoints ls 4 title "beget, spawn", \
     rows(m, "beget spawn spares", "total") with linespoints ls 10 title "  with spares", \
     rows(m, "posix_spawn", "total") with linespoints ls 5 title "posix_spawn"
