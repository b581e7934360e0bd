/* A larger model for the servers of the bench: memory that is loaded together with the centres, and that the children
 * share if they are forks of the process that loaded it. The linker puts this function in the place of model_load. */
#include "../../examples/service/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int __real_model_load(const char *path);
int __wrap_model_load(const char *path);

enum { MODEL_SIZE = 64 << 20 };

int __wrap_model_load(const char *path)
{
	static void *ballast;

	free(ballast);
	ballast = malloc(MODEL_SIZE);
	if (!ballast)
		return -ENOMEM;
	memset(ballast, 'm', MODEL_SIZE);
	return __real_model_load(path);
}
