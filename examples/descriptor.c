/* Passes an open descriptor: the child writes to a pipe of its caller.
 * The caller closes its copy of the write end after the start, so that it sees the end of the file. */
#include <beget.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int count_down(struct beget_fd out, int from)
{
	FILE *file = fdopen(out.fd, "w");

	if (!file)
		return -1;
	for (int i = from; i > 0; i--)
		fprintf(file, "%d from process %d\n", i, (int)getpid());
	return fclose(file);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	struct beget_process *process;
	if (beget_start(&process, NULL, BEGET_CALL(count_down, BEGET_FD(ends[1]), 3)) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	close(ends[1]);

	char line[100];
	FILE *in = fdopen(ends[0], "r");
	while (in && fgets(line, sizeof(line), in))
		printf("read %s", line);
	if (in)
		fclose(in);

	int result = -1;
	if (beget_join(process, BEGET_FOREVER, NULL) < 0 || beget_result(process, &result) < 0)
		fprintf(stderr, "%s\n", beget_error());
	beget_free(process);
	return result != 0;
}
