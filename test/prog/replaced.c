/* Calls a function of the module in $MODULE, or one of its own, with all methods; runs the command in its first
 * argument; and calls the function again, with the same helper and with another. Prints the outcome, one line each. */
#include <beget.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *module;

/* Loaded before main, in every process. */
__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("MODULE");

	if (path)
		module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static int own(void)
{
	return 1;
}

static int parent(void)
{
	return (int)getppid();
}

static void call_by(enum beget_method method, const char *name)
{
	void *function = module ? dlsym(module, "number") : NULL;
	struct beget_call call = {.function = (void (*)(void))own, .result = BEGET_TYPE_INT};
	struct beget_process *process;
	struct beget_status status;
	int number = 0;

	if (function)
		call.function = (void (*)(void))(uintptr_t)function;
	if (beget_start(&process, BEGET_OPTIONS(.method = method), &call) < 0) {
		printf("%s: %s\n", name, beget_error());
		return;
	}
	if (beget_join(process, 30000, &status) < 0)
		printf("%s: %s\n", name, beget_error());
	else if (beget_result(process, &number) == 0)
		printf("%s: %d\n", name, number);
	else
		printf("%s: outcome %d, code %d\n", name, (int)status.outcome, status.code);
	beget_free(process);
}

static void call_by_all(void)
{
	call_by(BEGET_FORK, "fork");
	call_by(BEGET_SPAWN, "spawn");
	call_by(BEGET_FORKSERVER, "forkserver");
}

static void kill_helper(void)
{
	struct beget_process *process;
	int helper = 0;

	if (beget_start(&process, NULL, BEGET_CALL(parent)) < 0)
		return;
	if (beget_join(process, 30000, NULL) == 0 && beget_result(process, &helper) == 0 && helper > 1) {
		kill(helper, SIGKILL);
		for (int i = 0; i < 1000 && kill(helper, 0) == 0; i++)
			usleep(5000);
	}
	beget_free(process);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	call_by_all();
	if (argc < 2 || system(argv[1]) != 0)
		return 2;
	call_by_all();
	kill_helper();
	call_by(BEGET_FORKSERVER, "another");
	return 0;
}
