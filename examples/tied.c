/* Ties a worker to its caller: the kernel kills the worker when the caller ends, even if the caller is killed.
 * Here a host starts a worker that would run for an hour. A pipe that only these two hold shows when both have ended.
 */
#include <beget.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(struct beget_fd out)
{
	if (write(out.fd, "w", 1) == 1)
		sleep(3600);
}

static _Noreturn void host(int out)
{
	struct beget_process *worker;

	if (beget_start(&worker, BEGET_OPTIONS(.flags = BEGET_TIED), BEGET_CALL(work, BEGET_FD(out))) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		_exit(1);
	}
	beget_join(worker, BEGET_FOREVER, NULL);
	_exit(0);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	int ends[2];
	char byte;
	if (pipe(ends) < 0)
		return 1;
	pid_t pid = fork();
	if (pid == 0)
		host(ends[1]);
	close(ends[1]);
	if (pid < 0 || read(ends[0], &byte, 1) != 1)
		return 1;
	printf("the worker runs\n");

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	struct pollfd gone = {.fd = ends[0], .events = POLLIN};
	if (poll(&gone, 1, 10000) != 1 || read(ends[0], &byte, 1) != 0) {
		printf("the worker is still running without its host\n");
		return 1;
	}
	printf("the worker ended with its host\n");
	return 0;
}
