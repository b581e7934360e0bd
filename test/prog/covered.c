/* A program for test/coverage.sh: one function for each method, in the order of the lines. */
#include <beget.h>
#include <stdio.h>

static int with_forkserver(int n)
{
	return n + 1; /* forkserver */
}

static int with_spawn(int n)
{
	return n + 2; /* spawn */
}

static int with_fork(int n)
{
	return n + 3; /* fork */
}

static int never(int n)
{
	return n + 4; /* never */
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	int (*const targets[])(int) = {with_forkserver, with_spawn, with_fork, never};

	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++) {
		struct beget_process *process;
		int n = 0;
		if (beget_start(&process, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(targets[m], 0)) <
		            0 ||
		    beget_join(process, 10000, NULL) < 0 || beget_result(process, &n) < 0 || n != m + 1) {
			fprintf(stderr, "%s\n", beget_error());
			return 1;
		}
		beget_free(process);
	}
	return 0;
}
