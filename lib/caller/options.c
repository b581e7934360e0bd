/* Option structs of any version become those of this one.
 * Runs in the caller. */
#include "caller/options.h"

#include "os/fail.h"

#include <beget.h>
#include <errno.h>
#include <string.h>

const char *const beget__options_streams[3] = {"standard input", "standard output", "standard error"};

int beget__options_copy(void *ret, size_t size, const void *options, size_t least, const char *macro)
{
	size_t given;

	memset(ret, 0, size);
	if (!options)
		return 0;
	memcpy(&given, options, sizeof(given)); /* the first field of all */
	if (given < least || given % sizeof(void *) != 0)
		return beget__fail(EINVAL, "the options have no size: fill them with %s", macro);
	for (size_t i = size; i < given; i++)
		if (((const char *)options)[i])
			return beget__fail(E2BIG, "the options ask for something that this version (%s) does not know",
			                   BEGET_VERSION);
	memcpy(ret, options, given < size ? given : size);
	return 0;
}
