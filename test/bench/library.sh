#!/bin/sh
# Prints the C source of a small library: library.sh NUMBER. It contains what costs time in a loader and a fork:
# relocated data, a constructor, functions of libc, a page that is written.
cat <<END
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int bench_library_$1(int n);
static int a(int n) { return n + atoi("1"); }
static int b(int n) { return n * (int)strlen("two"); }
static int (*const table[])(int) = {a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b};
static char written[4096];
__attribute__((constructor)) static void begin(void) { snprintf(written, sizeof(written), "library %d", $1); }
int bench_library_$1(int n) { return table[(unsigned)n % (sizeof(table) / sizeof(*table))](n) + written[0]; }
END
