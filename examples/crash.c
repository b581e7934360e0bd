/* Survives a crash: the target crashes, and the caller inspects the outcome and continues.
 * beget_join fills in a status for the program; beget_describe writes a sentence for people. */
#include <beget.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static int look_at(const int *number)
{
	return *number;
}

static int try(enum beget_method method, const int *number)
{
	struct beget_process *process;
	struct beget_status status;
	char sentence[300];

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(look_at, BEGET_IN(number))) < 0 ||
	    beget_join(process, BEGET_FOREVER, &status) < 0 ||
	    beget_describe(process, sentence, sizeof(sentence)) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return -1;
	}
	printf("%s\n", sentence);
	beget_free(process);
	return status.outcome == BEGET_SIGNALED ? status.code : 0;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* the crash is intended: no core file */

	int good = 42;
	for (int method = BEGET_FORKSERVER; method <= BEGET_FORK; method++) {
		if (try((enum beget_method)method, &good) != 0)
			return 1;
		if (try((enum beget_method)method, NULL) != SIGSEGV)
			return 1;
	}
	printf("the caller continues\n");
	return 0;
}
