/* A host that never calls beget_init: it can fork, and the other methods say why they cannot work. Exits with 0 if
 * so. */
#include <beget.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int add(int a, int b)
{
	return a + b;
}

static int refused(enum beget_method method)
{
	struct beget_process *process = NULL;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(add, 2, 3)) != -EOPNOTSUPP || process ||
	    !strstr(beget_error(), "beget_init")) {
		fprintf(stderr, "method %d: %s\n", (int)method, beget_error());
		return 0;
	}
	return 1;
}

int main(void)
{
	struct beget_process *process;
	int sum = 0;

	if (!refused(BEGET_SPAWN) || !refused(BEGET_FORKSERVER))
		return 1;
	if (beget_start(&process, BEGET_OPTIONS(.method = BEGET_FORK), BEGET_CALL(add, 2, 3)) < 0 ||
	    beget_join(process, 30000, NULL) < 0 || beget_result(process, &sum) < 0) {
		fprintf(stderr, "fork: %s\n", beget_error());
		return 1;
	}
	beget_free(process);
	return sum != 5;
}
