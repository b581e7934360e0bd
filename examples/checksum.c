/* Shares one sealed buffer: each child sums a part of it, and nothing is copied to the children.
 * The data come from the file in argv, if given. After sealing, no process can change them. */
#include <beget.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PARTS = 4, MADE_UP = 16 << 20 };

/* The sum depends on the position of each byte, and the sums of the parts add up to the sum of the whole. */
static unsigned long long sum(struct beget_buffer *buffer, size_t from, size_t to)
{
	const unsigned char *data = beget_buffer_data(buffer);
	unsigned long long total = 0;

	for (size_t i = from; i < to; i++)
		total += data[i] * (unsigned long long)(i + 1);
	return total;
}

static int load(FILE *file, struct beget_buffer **ret)
{
	struct stat st = {.st_size = MADE_UP};

	if (file && fstat(fileno(file), &st) < 0)
		return -1;
	size_t size = (size_t)st.st_size, n;
	if (beget_buffer_create(ret, size) < 0)
		return -1;
	unsigned char *data = beget_buffer_data(*ret);
	for (n = file ? fread(data, 1, size, file) : 0; n < size; n++)
		data[n] = (unsigned char)(n * n >> 8);
	return beget_buffer_seal(*ret);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
	struct beget_process *parts[PARTS];
	struct beget_buffer *buffer;
	int error = (argc > 1 && !file) || load(file, &buffer) < 0;
	size_t size = error ? 0 : beget_buffer_size(buffer);
	for (size_t i = 0; i < PARTS && !error; i++)
		error = beget_start(&parts[i], NULL, BEGET_CALL(sum, buffer, size * i / PARTS, size * (i + 1) / PARTS));

	unsigned long long total = 0, part = 0, alone = error ? 0 : sum(buffer, 0, size);
	for (int i = 0; i < PARTS && !error; i++, total += part) {
		error = beget_join(parts[i], BEGET_FOREVER, NULL) < 0 || beget_result(parts[i], &part) < 0;
		beget_free(parts[i]);
	}
	if (error) {
		fprintf(stderr, "cannot sum up: %s\n", file || argc < 2 ? beget_error() : argv[1]);
		return 1;
	}
	printf("%zu bytes: %llx in %d processes, %llx in one\n", size, total, PARTS, alone);
	beget_buffer_free(buffer);
	return total != alone;
}
