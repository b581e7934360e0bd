load here."/plot.gp"
set title "Arguments and results by size (forkserver)"
set xlabel "size"
set ylabel "median time"
set logscale xy
set xrange [700:1.6e9]
set xtics ("1 KiB" 1024, "64 KiB" 65536, "1 MiB" 1048576, "16 MiB" 16777216, "1 GiB" 1073741824)
set ytics ("1 µs" 1, "10 µs" 10, "100 µs" 100, "1 ms" 1000, "10 ms" 10000, "100 ms" 100000, "1 s" 1000000)
m = "arguments"
w = "beget forkserver"
plot rows(m, "memcpy", "copy") with linespoints ls 1 title "memcpy to fresh memory", \
     rows(m, w, "bytes argument") with linespoints ls 2 title "bytes argument", \
     rows(m, w, "bytes result") with linespoints ls 5 title "bytes result", \
     rows(m, w, "buffer argument") with linespoints ls 3 title "buffer argument", \
     rows(m, w, "buffer result") with linespoints ls 4 title "buffer result"
