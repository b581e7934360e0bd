/* The smallest complete program: runs a function in a new process and prints the result.
 * To use another method, write BEGET_FORK or BEGET_FORKSERVER; nothing else changes. */
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
