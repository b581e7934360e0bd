/* A program that starts processes before main: with the host program, and with its own image once beget_init has been
 * called. Exits with 0 if all of that works and no descriptor is left. */
#include <beget.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int own(int n)
{
	return n + 1;
}

static int call_of(void (*function)(void), enum beget_method method)
{
	int n = -4, result = -1;
	struct beget_arg arg = {.type = BEGET_TYPE_INT, .value = &n};
	struct beget_call call = {.function = function, .result = BEGET_TYPE_INT, .n = 1, .args = &arg};
	struct beget_process *process = NULL;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), &call) < 0 || beget_join(process, 30000, NULL) < 0 ||
	    beget_result(process, &result) < 0) {
		char text[400] = "";
		beget_describe(process, text, sizeof(text));
		fprintf(stderr, "%s; %s\n", beget_error(), text);
	}
	beget_free(process);
	return result;
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* The constructors of musl get no arguments. */
static int count_arguments(void)
{
	FILE *f = fopen("/proc/self/cmdline", "r");
	int n = 0;

	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\0';
	if (f)
		fclose(f);
	return n;
}

static int early;

/* Not in the processes that the library starts. */
__attribute__((constructor)) static void before_main(void)
{
	if (count_arguments() == 1)
		early = call_of((void (*)(void))abs, BEGET_FORKSERVER) + call_of((void (*)(void))abs, BEGET_SPAWN);
}

int main(int argc, char **argv)
{
	int before = descriptors();

	beget_init(argc, argv);
	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++)
		if (call_of((void (*)(void))own, (enum beget_method)m) != -3 ||
		    call_of((void (*)(void))abs, (enum beget_method)m) != 4)
			return 1;
	return early != 8 ? 2 : descriptors() != before ? 3 : 0;
}
