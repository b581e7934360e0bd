/* A library whose constructor does what $CONSTRUCTOR says. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int constructor_number(void);

static int number;

__attribute__((constructor)) static void construct(void)
{
	const char *what = getenv("CONSTRUCTOR");

	if (what && strcmp(what, "exits") == 0)
		exit(0);
	if (what && strcmp(what, "aborts") == 0)
		abort();
	if (what && strcmp(what, "forks") == 0) {
		pid_t pid = fork();
		if (pid == 0)
			exit(3);
		waitpid(pid, NULL, 0);
	}
	if (what && strcmp(what, "naps") == 0)
		poll(NULL, 0, 400);
	if (what && strcmp(what, "prints") == 0)
		printf("constructed");
	number = 7;
}

int constructor_number(void)
{
	return number;
}
