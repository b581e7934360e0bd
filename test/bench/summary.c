/* Computes statistics of raw figures: reads "measure,way,at,figure,unit,value" and writes, for all lines that agree
 * except in the value, "measure,way,at,figure,unit,n,median,p99", in order of first appearance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 4096, COMMAS = 5 };

static struct series {
	char *key;
	double *values;
	size_t n, room;
} series[SERIES_MAX];
static size_t series_n;

static void die(const char *why)
{
	fprintf(stderr, "bench: summary: %s\n", why);
	exit(1);
}

static struct series *find(const char *key)
{
	for (size_t i = 0; i < series_n; i++)
		if (strcmp(series[i].key, key) == 0)
			return &series[i];
	if (series_n == SERIES_MAX || !(series[series_n].key = strdup(key)))
		die("too many series");
	return &series[series_n++];
}

static void add(struct series *s, double value)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 64;
		s->values = realloc(s->values, s->room * sizeof(double));
		if (!s->values)
			die("no memory");
	}
	s->values[s->n++] = value;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct series *s)
{
	size_t half = s->n / 2;

	return s->n % 2 ? s->values[half] : (s->values[half - 1] + s->values[half]) / 2;
}

/* The smallest value that 99 of 100 do not exceed. */
static double p99(const struct series *s)
{
	return s->values[(s->n * 99 + 99) / 100 - 1];
}

static int commas(const char *line)
{
	int n = 0;

	while ((line = strchr(line, ',')) && ++n)
		line++;
	return n;
}

int main(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		char *comma = strrchr(line, ',');
		if (!comma || commas(line) != COMMAS) /* the last line of a program that was killed */
			continue;
		*comma = 0;
		add(find(line), atof(comma + 1));
	}
	puts("measure,way,at,figure,unit,n,median,p99");
	for (size_t i = 0; i < series_n; i++) {
		qsort(series[i].values, series[i].n, sizeof(double), compare);
		printf("%s,%zu,%.3f,%.3f\n", series[i].key, series[i].n, median(&series[i]), p99(&series[i]));
	}
	return 0;
}
