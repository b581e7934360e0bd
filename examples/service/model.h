/* A model of points in the plane: the centres that k-means has found. These are ordinary functions, which know nothing
 * of processes or HTTP. */
#ifndef MODEL_H
#define MODEL_H

struct point {
	double x, y;
};

/* Generates points, finds their centres and writes these to a file. The same seed gives the same model. */
int model_train(const char *path, unsigned seed);

/* Loads the centres, which model_predict uses. */
int model_load(const char *path);

/* Parses two numbers with a space between them. -EINVAL: it is something else; -ERANGE: a number is too large. */
int model_validate(const char *text, struct point *ret);

/* Returns the number of the nearest centre. */
int model_predict(struct point p);

#endif
