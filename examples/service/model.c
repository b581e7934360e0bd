/* The model: its trainer, and what a request needs of it. Runs in any process. */
#include "model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CENTRES = 5, POINTS = 1000, ROUNDS = 20, LIMIT = 1000000 };

static struct point centres[CENTRES];

static double distance(struct point a, struct point b)
{
	return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

int model_predict(struct point p)
{
	int best = 0;

	for (int i = 1; i < CENTRES; i++)
		best = distance(p, centres[i]) < distance(p, centres[best]) ? i : best;
	return best;
}

int model_validate(const char *text, struct point *ret)
{
	struct point p;
	char *end;

	p.x = strtod(text, &end);
	if (end == text || *end != ' ')
		return -EINVAL;
	text = end + 1;
	p.y = strtod(text, &end);
	if (end == text || *end != '\0')
		return -EINVAL;
	if (!(fabs(p.x) <= LIMIT && fabs(p.y) <= LIMIT)) /* or not a number */
		return -ERANGE;
	*ret = p;
	return 0;
}

/* A number between 0 and 100. */
static double draw(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 16) * 100.0 / 65536;
}

/* Moves each centre to the mean of the points that are nearest to it. */
static void improve(const struct point points[POINTS])
{
	struct point sums[CENTRES] = {{0, 0}};
	int counts[CENTRES] = {0};

	for (int i = 0; i < POINTS; i++) {
		int nearest = model_predict(points[i]);
		sums[nearest].x += points[i].x;
		sums[nearest].y += points[i].y;
		counts[nearest]++;
	}
	for (int i = 0; i < CENTRES; i++)
		if (counts[i] > 0)
			centres[i] = (struct point){sums[i].x / counts[i], sums[i].y / counts[i]};
}

static int write_to(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -errno;
	for (int i = 0; i < CENTRES; i++)
		fprintf(file, "%.17g %.17g\n", centres[i].x, centres[i].y);
	return fclose(file) ? -errno : 0;
}

int model_train(const char *path, unsigned seed)
{
	struct point points[POINTS];

	for (int i = 0; i < POINTS; i++) {
		points[i].x = draw(&seed);
		points[i].y = draw(&seed);
	}
	memcpy(centres, points, sizeof(centres));
	for (int i = 0; i < ROUNDS; i++)
		improve(points);
	return write_to(path);
}

int model_load(const char *path)
{
	FILE *file = fopen(path, "r");
	int error = 0;

	if (!file)
		return -errno;
	for (int i = 0; i < CENTRES && !error; i++)
		error = fscanf(file, "%lf %lf", &centres[i].x, &centres[i].y) == 2 ? 0 : -EBADMSG;
	fclose(file);
	return error;
}
