/* The predictor of examples/service, for a service that reports each call of it on standard error. */
#include "../../../examples/service/model.h"

#include <unistd.h>

int __real_model_predict(struct point p);
int __wrap_model_predict(struct point p);

int __wrap_model_predict(struct point p)
{
	(void)!write(STDERR_FILENO, "predicted\n", 10);
	return __real_model_predict(p);
}
