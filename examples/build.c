/* Runs shell commands at once, as a build tool does. When one fails, the others are killed with everything that they
 * have started, in the background too. The same happens if one takes too long, or if this program is killed. */
#include <beget.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { N = 3, LIMIT_MS = 60000 };

static void shell(const char *command)
{
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool succeeded(struct beget_process *process)
{
	struct beget_status status;
	char sentence[300];

	if (beget_join(process, BEGET_FOREVER, &status) == 0 && status.outcome == BEGET_EXITED && status.code == 0)
		return true;
	beget_describe(process, sentence, sizeof(sentence));
	printf("%s\n", sentence);
	return false;
}

int main(int argc, char **argv)
{
	static const char *const commands[N] = {"sleep 0.2", "sleep 3600 & sleep 3600", "sleep 0.5; exit 3"};
	struct beget_process *processes[N] = {NULL};
	int i, running;

	beget_init(argc, argv);
	for (running = 0; running < N; running++)
		if (beget_start(&processes[running],
		                BEGET_OPTIONS(.flags = BEGET_TREE | BEGET_TIED, .limit_ms = LIMIT_MS),
		                BEGET_CALL(shell, commands[running])) < 0) {
			fprintf(stderr, "%s\n", beget_error());
			return 1; /* kills the running ones */
		}
	for (; running > 0 && (i = beget_wait(processes, N, BEGET_FOREVER)) >= 0; running--) {
		bool good = succeeded(processes[i]);
		beget_free(processes[i]);
		processes[i] = NULL;
		if (!good)
			break;
	}
	for (i = 0; i < N; i++)
		if (processes[i] && beget_kill(processes[i], SIGKILL) == 0) {
			beget_join(processes[i], BEGET_FOREVER, NULL);
			beget_free(processes[i]);
			printf("killed: %s\n", commands[i]);
		}
	return running == 0;
}
