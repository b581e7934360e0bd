/* A program whose processes may end before they reach beget_init. The variable EARLY says how:
 *   usage: main rejects the arguments that it does not know
 *   silent: the same without a sentence
 *   unset: main removes LD_LIBRARY_PATH from the environment after beget_init
 *   chatty: main prints a hundred lines and its reason
 *   slow: as usage, and the caller sends each request when the process has ended
 * Prints what becomes of a start with each method. LACKING is defined if the program needs the library lacking.so. */
#include "os/fault.h"

#include <beget.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef LACKING
int lacking(int call);
#else
static int lacking(int call)
{
	return call + 7;
}
#endif

static bool is(const char *how)
{
	const char *wanted = getenv("EARLY");

	return wanted && strcmp(wanted, how) == 0;
}

static int wait_before_sending(const char *call)
{
	if (strcmp(call, "sendmsg_fds") == 0)
		usleep(200000);
	return 0;
}

static int seven(void)
{
	return lacking(0);
}

static void say(const char *who, struct beget_process *process)
{
	char text[600];
	int n;

	beget_join(process, 30000, NULL);
	beget_describe(process, text, sizeof(text));
	if (beget_result(process, &n) == 0)
		printf("%s: %d\n", who, n);
	else
		printf("%s: %s\n", who, strstr(text, "with "));
	beget_free(process);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		[BEGET_FORKSERVER] = "forkserver", [BEGET_SPAWN] = "spawn", [BEGET_FORK] = "fork"};
	struct beget_process *process;
	struct beget_server *server;

	if ((is("usage") || is("slow")) && argc > 1)
		fprintf(stderr, "early: unrecognized option '%s'\n", argv[1]);
	for (int i = 0; is("chatty") && argc > 1 && i < 100; i++)
		fprintf(stderr, "trying plan %d\n", i);
	if (is("chatty") && argc > 1)
		fprintf(stderr, "early: no plan\nis left\n");
	if ((is("usage") || is("silent") || is("chatty") || is("slow")) && argc > 1)
		return 2;
	if (is("slow"))
		beget__fault_hook = wait_before_sending;
	if (is("warning"))
		fprintf(stderr, "a warning\n");
	beget_init(argc, argv);
	if (is("unset"))
		unsetenv("LD_LIBRARY_PATH");
	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++)
		if (beget_start(&process, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(seven)) < 0)
			printf("%s: %s\n", names[m], beget_error());
		else
			say(names[m], process);
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.spares = 0)) < 0) {
		printf("server: %s\n", beget_error());
		return 0;
	}
	printf("server: opened\n");
	beget_server_close(server);
	return 0;
}
