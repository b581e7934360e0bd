load here."/plot.gp"
set title "Start, run and join a function: time by what the caller holds"
set xlabel "memory that the caller has touched, GB (pages of 4 KiB)"
set logscale y
set yrange [50:1000000]
set ytics ("100 µs" 100, "1 ms" 1000, "10 ms" 10000, "100 ms" 100000, "1 s" 1000000)
set ylabel "time until joined (median)"
set xtics (0, 1, 4, 8)
set xrange [-0.1:8.1]
m = "memory"
plot rows(m, "bare fork", "total") with linespoints ls 1 title "bare fork", \
     rows(m, "beget fork", "total") with linespoints ls 2 title "beget, fork", \
     rows(m, "beget forkserver", "total") with linespoints ls 3 title "beget, forkserver", \
     rows(m, "beget forkserver spares", "total") with linespoints ls 9 title "  with spares", \
     rows(m, "beget spawn", "total") with linespoints ls 4 title "beget, spawn", \
     rows(m, "beget spawn spares", "total") with linespoints ls 10 title "  with spares", \
     rows(m, "posix_spawn", "total") with linespoints ls 5 title "posix_spawn", \
     rows(m, "libuv uv_spawn", "total") with linespoints ls 6 title "libuv uv_spawn", \
     rows(m, "glib g_spawn", "total") with linespoints ls 7 title "glib g_spawn", \
     rows(m, "CPython multiprocessing fork", "total") with linespoints ls 8 dt 1 title "CPython, fork", \
     rows(m, "CPython multiprocessing forkserver", "total") with linespoints ls 8 dt 2 title "CPython, forkserver", \
     rows(m, "CPython multiprocessing spawn", "total") with linespoints ls 8 dt 3 title "CPython, spawn"
