/* Loads a model once, in a server; all children share its memory. Two spare children answer the first two questions,
 * and an ordinary child answers the third. */
#include <beget.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 1 << 20, QUESTIONS = 3 };

static unsigned *model;

static int load(unsigned seed)
{
	model = malloc(WORDS * sizeof(*model));
	if (!model)
		return -1;
	for (unsigned i = 0; i < WORDS; i++)
		model[i] = seed = seed * 1664525 + 1013904223;
	puts("loaded");
	return 0;
}

static unsigned largest(unsigned part)
{
	unsigned found = 0;

	for (unsigned i = part; i < WORDS; i += QUESTIONS)
		found = model[i] > found ? model[i] : found;
	return found;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct beget_server *server;
	struct beget_process *processes[QUESTIONS];
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(load, 7u), .spares = 2)) < 0)
		goto failed;
	for (unsigned i = 0; i < QUESTIONS; i++)
		if (beget_start(&processes[i], BEGET_OPTIONS(.server = server), BEGET_CALL(largest, i)) < 0)
			goto failed;

	unsigned best = 0;
	for (unsigned i = 0; i < QUESTIONS; i++) {
		unsigned found;
		beget_join(processes[i], BEGET_FOREVER, NULL);
		if (beget_result(processes[i], &found) < 0)
			goto failed;
		best = found > best ? found : best;
		beget_free(processes[i]);
	}
	printf("the largest of %d numbers: %u\n", WORDS, best);
	beget_server_close(server);
	return 0;
failed:
	fprintf(stderr, "%s\n", beget_error());
	return 1;
}
