/* A host that loads and unloads a plugin a hundred times and calls its function each time: reloads PLUGIN FUNCTION. It
 * prints how many descriptors and processes it has more after the last time than after the first. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count(const char *folder)
{
	DIR *d = opendir(folder);
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Processes with this variable in their environment, this one and its helpers. */
static int count_processes(const char *variable)
{
	char path[300], text[65536];
	DIR *d = opendir("/proc");
	int found = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "/proc/%s/environ", e->d_name);
		FILE *f = fopen(path, "re");
		size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
		text[n] = '\0';
		for (char *s = text; s < text + n; s += strlen(s) + 1)
			found += strcmp(s, variable) == 0;
		if (f)
			fclose(f);
	}
	closedir(d);
	return found;
}

static int load_and_call(const char *path, const char *name)
{
	void *library = dlopen(path, RTLD_NOW);
	void *address = library ? dlsym(library, name) : NULL;
	int (*function)(void);

	if (!address) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	memcpy(&function, &address, sizeof(function));
	int n = function();
	dlclose(library);
	return n;
}

int main(int argc, char **argv)
{
	const char *variable = getenv("RELOADS");
	char mark[64];
	int descriptors, processes;

	if (argc != 3 || !variable)
		return 2;
	snprintf(mark, sizeof(mark), "RELOADS=%s", variable);
	printf("%d", load_and_call(argv[1], argv[2]));
	descriptors = count("/proc/self/fd");
	processes = count_processes(mark);
	for (int i = 1; i < 100; i++)
		if (load_and_call(argv[1], argv[2]) < 0)
			return 1;
	printf(", %d descriptors and %d processes more\n", count("/proc/self/fd") - descriptors,
	       count_processes(mark) - processes);
	return 0;
}
