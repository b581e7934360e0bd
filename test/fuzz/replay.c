/* A main for a fuzzer without libFuzzer: runs the seeds, then every file of its corpus, and speaks TAP. This makes the
 * corpora a test with any compiler.
 *
 *   fuzz_x                     the seeds and the corpus
 *   fuzz_x FILE...             only these files: to look at a finding
 *   fuzz_x -seed_corpus DIR    writes the seeds to DIR */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;
static int count;

static void run(const char *name, const void *data, size_t size)
{
	/* a copy of this size, so that the sanitizers and valgrind know its end */
	uint8_t *copy = malloc(size + !size);

	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	printf("ok %d - %s\n", ++count, name);
	fflush(stdout); /* an abort would lose the output */
}

static void save(const char *name, const void *data, size_t size)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/seed-%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		exit((perror(path), 1));
}

static void run_file(const char *path)
{
	static char data[FUZZ_MOST];
	FILE *f = fopen(path, "rb");

	if (!f)
		exit((perror(path), 1));
	size_t size = fread(data, 1, sizeof(data), f);
	fclose(f);
	run(strrchr(path, '/') ? strrchr(path, '/') + 1 : path, data, size);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		char file[8192];
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		run_file(file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-seed_corpus") == 0) {
		folder = argv[2];
		fuzz_seed = save;
		fuzz_seeds();
		return 0;
	}
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return 0;
	fuzz_seed = run;
	fuzz_seeds();
	char corpus[4096] = "test/fuzz/corpus/none";
	if (strstr(argv[0], "replay_"))
		snprintf(corpus, sizeof(corpus), "test/fuzz/corpus/%s", strstr(argv[0], "replay_") + 7);
	int files = run_folder(corpus);
	printf("%sok %d - the corpus is there\n", files > 0 ? "" : "not ", ++count);
	printf("1..%d\n", count);
	return files <= 0;
}
