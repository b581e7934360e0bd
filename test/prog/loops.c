/* A program whose processes would start the same again. The variable LOOPS says how:
 *   altered: main changes the arguments before it calls beget_init
 *   early: a constructor starts before beget_init is called
 *   without: main never calls beget_init, and the program is to be its own server's executable
 * Writes the result of each start to the file that LOOPS_LOG names. The third process in a row reports itself and
 * exits. */
#include <beget.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[BEGET_FORKSERVER] = "forkserver", [BEGET_SPAWN] = "spawn", [BEGET_FORK] = "fork"};

static bool is(const char *how)
{
	const char *wanted = getenv("LOOPS");

	return wanted && strcmp(wanted, how) == 0;
}

static void say(const char *who, const char *what, const char *outcome)
{
	const char *path = getenv("LOOPS_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;

	if (log) {
		fprintf(log, "%s %s: %s\n", who, what, outcome);
		fclose(log);
	}
}

static void count(void)
{
	const char *before = getenv("LOOPS_DEPTH");
	const char *now = !before ? "1" : strcmp(before, "1") == 0 ? "2" : "3";

	setenv("LOOPS_DEPTH", now, 1);
	if (now[0] == '3') {
		say("the third", "process", "it does not end");
		_Exit(1);
	}
}

/* abs is in beget-host too. */
static void by_all_methods(const char *who)
{
	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++) {
		struct beget_process *process;
		char number[12];
		int n;

		if (beget_start(&process, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(abs, -5)) < 0) {
			say(who, names[m], beget_error());
			continue;
		}
		beget_join(process, 30000, NULL);
		if (beget_result(process, &n) < 0)
			say(who, names[m], beget_error());
		else if (snprintf(number, sizeof(number), "%d", n) > 0)
			say(who, names[m], number);
		beget_free(process);
	}
}

static void own_executable(void)
{
	struct beget_server *server;
	int error = beget_server_open(&server, BEGET_SERVER_OPTIONS(.executable = "/proc/self/exe"));

	say("main", "server", error ? beget_error() : "opened");
	if (!error)
		beget_server_close(server);
}

__attribute__((constructor)) static void before_main(void)
{
	count();
	if (is("early"))
		by_all_methods("constructor");
}

int main(int argc, char **argv)
{
	if (is("without")) {
		own_executable();
		return 0;
	}
	beget_init(is("altered") ? 1 : argc, is("altered") ? (char *[]){argv[0], NULL} : argv);
	by_all_methods("main");
	return 0;
}
