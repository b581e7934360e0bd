load here."/plot.gp"
set title "Joining children that have ended"
set xlabel "children"
set ylabel "time for each (median), µs"
set logscale xy
set xrange [8:6500]
set xtics (10, 100, 1000, 5000)
m = "join"
w = "beget forkserver"
plot rows(m, "bare fork", "one by one") with linespoints ls 1 title "bare waitpid", \
     rows(m, w, "one by one") with linespoints ls 3 title "beget_join", \
     rows(m, w, "epoll") with linespoints ls 4 title "epoll, beget_join", \
     rows(m, w, "beget_wait") with linespoints ls 2 title "beget_wait"
