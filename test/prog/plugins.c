/* A program that never calls beget_init and loads plugins: plugins MODULE FUNCTION. Calls int FUNCTION(void) with all
 * methods and prints one line each: the result, or the outcome. */
#include <beget.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* True if beget_explain ends with the sentence of the refusal. */
static bool explained(enum beget_method method, const struct beget_call *call)
{
	char text[8000], refusal[400];

	snprintf(refusal, sizeof(refusal), "\nrefused: %s\n", beget_error());
	return beget_explain(BEGET_OPTIONS(.method = method), call, text, sizeof(text)) > 0 && strstr(text, refusal);
}

static void call_by(enum beget_method method, const char *name, void *function)
{
	struct beget_call call = {.function = (void (*)(void))(uintptr_t)function, .result = BEGET_TYPE_INT};
	struct beget_process *process;
	char text[400];
	int number = 0;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), &call) < 0) {
		printf("%s: %s%s\n", name, beget_error(), explained(method, &call) ? ", as explained" : "");
		return;
	}
	beget_join(process, 30000, NULL);
	if (beget_result(process, &number) == 0)
		printf("%s: %d\n", name, number);
	else if (beget_describe(process, text, sizeof(text)) > 0)
		printf("%s: %s\n", name, text);
	beget_free(process);
}

int main(int argc, char **argv)
{
	void *module = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void *function = module ? dlsym(module, argv[2]) : NULL;

	if (!function) {
		printf("%s\n", argc == 3 ? dlerror() : "usage: plugins MODULE FUNCTION");
		return 2;
	}
	/* The loader must not search there again. */
	unsetenv("LD_LIBRARY_PATH");
	if (chdir("/") < 0)
		return 2;
	call_by(BEGET_FORK, "fork", function);
	call_by(BEGET_SPAWN, "spawn", function);
	call_by(BEGET_FORKSERVER, "forkserver", function);
	return 0;
}
