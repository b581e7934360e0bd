/* Traces one call instead of the whole program: the start executes the program through strace. "perf record -o FILE" or
 * "valgrind --log-file=FILE" work in the same way. */
#include <beget.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = 0;

	if (!f)
		return -1;
	for (int c; (c = fgetc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	char log[] = "/tmp/trace.XXXXXX", line[4096];
	const char *const strace[] = {"strace", "-f", "-e", "trace=/^open|^read", "-o", log, NULL};
	struct beget_process *process;
	int fd = mkstemp(log), lines = 0, shown = 0;
	if (fd < 0 || beget_start(&process, BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = strace),
	                          BEGET_CALL(count_lines, path)) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	beget_join(process, BEGET_FOREVER, NULL);
	if (beget_result(process, &lines) < 0)
		lines = -1;
	beget_free(process);

	/* strace may still be writing, but the lines of the call are there. */
	FILE *f = fdopen(fd, "r");
	while (f && fgets(line, sizeof(line), f))
		if (shown || strstr(line, path)) {
			printf("%s", line);
			shown++;
		}
	printf("%d lines, %d calls traced\n", lines, shown);
	unlink(log);
	return lines < 0 || shown == 0;
}
