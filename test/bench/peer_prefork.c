/* The peer for examples/service: the same HTTP server and model, with children that are kept by hand. Its arguments are
 * the file of the model and the number of children. It cannot reload. */
#include "../../examples/service/http.h"

#include <beget/service.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What http_serve calls. A child is never asked to finish: it is killed with its parent. */
static int never[2];

int beget_stopping(void)
{
	return never[0];
}

int beget_ready(void)
{
	return 0;
}

static void start(int listener)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	exit(http_serve((struct beget_fd){.fd = listener}, model_validate, model_predict) != 0);
}

int main(int argc, char **argv)
{
	int port, listener = http_listen(0, &port);

	if (argc != 3 || listener < 0 || pipe(never) < 0 || model_load(argv[1]) < 0)
		return 1;
	for (int i = 0; i < atoi(argv[2]); i++)
		start(listener);
	printf("http://127.0.0.1:%d/predict\n", port);
	fflush(stdout);
	while (wait(NULL) > 0)
		start(listener);
	return 0;
}
