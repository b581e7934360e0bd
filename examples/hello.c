/* The smallest whole program: a function of this program runs in a new process, and its result comes back.
 * Change the method to BEGET_FORK or BEGET_FORKSERVER: nothing else changes. */
#include <beget.h>
#include <stdio.h>

static int add(int a, int b)
{
	return a + b;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv); /* first statement of main */

	struct beget_process *process;
	int sum;
	if (beget_start(&process, BEGET_OPTIONS(.method = BEGET_SPAWN), BEGET_CALL(add, 2, 3)) < 0 ||
	    beget_join(process, BEGET_FOREVER, NULL) < 0 || beget_result(process, &sum) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	printf("2 + 3 = %d\n", sum);
	beget_free(process);
	return 0;
}
