/* One start with each method, for the script that reads the lines of BEGET_TRACE=1; prints pids for comparison. */
#include <beget.h>
#include <stdio.h>
#include <unistd.h>

static int parent_of(void)
{
	return (int)getppid();
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"forkserver", "spawn", "fork"};

	beget_init(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("caller %d\n", (int)getpid());
	for (int method = 0; method < 3; method++) {
		struct beget_process *p;
		int parent;
		if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(parent_of)) < 0 ||
		    beget_join(p, BEGET_FOREVER, NULL) < 0 || beget_result(p, &parent) < 0)
			return 1;
		printf("%s %d\n", names[method], (int)beget_pid(p));
		if (method == BEGET_FORKSERVER)
			printf("helper %d\n", parent);
		beget_free(p);
	}
	return 0;
}
