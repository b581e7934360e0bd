# Common settings of all plots; each plot calls this with its title. Grey text and no background: readable on white and
# on black.
set terminal svg size 760,430 dynamic noenhanced font "sans-serif,14" lw 1.6
set encoding utf8
set datafile separator ","
grey = "#7d8590"
set border 3 lc rgb grey
set tics scale 0.4 nomirror textcolor rgb grey
set grid y lc rgb grey lw 0.3 dt 3
set key right outside textcolor rgb grey samplen 1.5 spacing 1.15 font ",12" maxrows 14
set title textcolor rgb grey font ",16"
set xlabel textcolor rgb grey
set ylabel textcolor rgb grey
set style line 1 lc rgb "#8b949e" pt 7 ps 0.6 # bare fork
set style line 2 lc rgb "#e5534b" pt 5 ps 0.6 # beget fork
set style line 3 lc rgb "#2f81f7" pt 7 ps 0.8 lw 2 # beget forkserver
set style line 4 lc rgb "#57ab5a" pt 9 ps 0.8 lw 1.6 # beget spawn
set style line 5 lc rgb "#c69026" pt 13 ps 0.7 # posix_spawn
set style line 6 lc rgb "#b083f0" pt 11 ps 0.7 # libuv
set style line 7 lc rgb "#e275ad" pt 4 ps 0.7 # glib
set style line 8 lc rgb "#39a9b4" pt 6 ps 0.7 # CPython
set style line 9 lc rgb "#2f81f7" pt 6 ps 0.8 lw 1.6 dt 2 # with spares
set style line 10 lc rgb "#57ab5a" pt 8 ps 0.8 lw 1.6 dt 2
# The rows of a measure, a way and a figure, as "at,median,p99".
rows(measure, way, figure) = sprintf("< awk -F, '$1 == \"%s\" && $2 == \"%s\" && $4 == \"%s\" { print $3 \",\" $7 \",\" $8 }' %s", measure, way, figure, csv)
