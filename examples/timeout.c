/* Limits the time of a process: join with a timeout, then kill it, then join without a timeout.
 * A join that times out changes nothing: the process continues, and the handle stays valid. */
#include <beget.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void work(unsigned seconds)
{
	while (seconds > 0)
		seconds = sleep(seconds);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct beget_process *process;
	if (beget_start(&process, NULL, BEGET_CALL(work, 3600u)) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}

	struct beget_status status;
	int error = beget_join(process, 200, &status);
	if (error == -ETIMEDOUT) {
		printf("%s\n", beget_error());
		beget_kill(process, SIGTERM);
		error = beget_join(process, BEGET_FOREVER, &status);
	}
	if (error < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	if (status.outcome == BEGET_SIGNALED)
		printf("ended by signal %d\n", status.code);
	beget_free(process);
	return status.outcome != BEGET_SIGNALED;
}
