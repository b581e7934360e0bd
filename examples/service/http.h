/* HTTP for a function that predicts and one that validates its input. */
#ifndef HTTP_H
#define HTTP_H

#include "model.h"

#include <beget.h>

typedef int validator(const char *text, struct point *ret);
typedef int predictor(struct point p);

/* Opens a socket that listens on a port of 127.0.0.1; 0 is any unused port. Stores the port. */
int http_listen(int port, int *ret_port);

/* Serves POST /predict until the service asks this child to finish. */
int http_serve(struct beget_fd listener, validator *validate, predictor *predict);

#endif
