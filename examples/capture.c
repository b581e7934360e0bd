/* Captures the output of a worker: its standard output and standard error are pipes to the caller.
 * Read before you join, because a worker blocks when a pipe is full. The caller must close its ends. */
#include <beget.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int work(int steps)
{
	for (int i = 1; i <= steps; i++)
		printf("step %d\n", i);
	fprintf(stderr, "all steps done\n");
	return steps;
}

/* Reads both pipes at once until each ends, because the worker can write to them in any order. */
static size_t capture(int out, int err)
{
	struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	static const char *const names[2] = {"output", "error"};
	char text[4096];
	size_t total = 0;

	for (int open = 2; open > 0;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++) {
			ssize_t n = fds[i].revents ? read(fds[i].fd, text, sizeof(text)) : -1;
			if (n > 0) {
				printf("captured %s:\n%.*s", names[i], (int)n, text);
				total += (size_t)n;
			} else if (n == 0) {
				close(fds[i].fd);
				fds[i].fd = -1; /* poll skips it */
				open--;
			}
		}
	}
	return total;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct beget_process *process;
	int out, err, steps = 0;
	if (beget_start(&process, BEGET_OPTIONS(.out = BEGET_STREAM_PIPE(&out), .err = BEGET_STREAM_PIPE(&err)),
	                BEGET_CALL(work, 3)) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return 1;
	}
	size_t total = capture(out, err);
	beget_join(process, BEGET_FOREVER, NULL);
	beget_result(process, &steps);
	beget_free(process);
	printf("%zu bytes of %d steps\n", total, steps);
	return !(steps == 3 && total == 3 * 7 + 15);
}
