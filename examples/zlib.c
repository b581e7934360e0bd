/* Calls functions of a library without wrappers: zlib compresses and uncompresses in other processes, with the method
 * in argv. If damaged data made zlib crash, this program would continue. */
#include <beget.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static enum beget_method method_of(const char *name)
{
	return strcmp(name, "fork") == 0 ? BEGET_FORK : strcmp(name, "spawn") == 0 ? BEGET_SPAWN : BEGET_FORKSERVER;
}

/* Runs the call in a child and returns the code that zlib returned there. */
static int run(enum beget_method method, const struct beget_call *call)
{
	struct beget_process *process;
	int answer = Z_ERRNO;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), call) < 0) {
		fprintf(stderr, "%s\n", beget_error());
		return Z_ERRNO;
	}
	if (beget_join(process, BEGET_FOREVER, NULL) < 0 || beget_result(process, &answer) < 0)
		fprintf(stderr, "%s\n", beget_error());
	beget_free(process);
	return answer;
}

/* zlib replaces the available size in *size with the used size, so it is passed in both directions. */
static int pack(enum beget_method method, Bytef *to, uLongf *size, const Bytef *from, uLong n)
{
	return run(method, BEGET_CALL(compress2, BEGET_OUT(to, *size), BEGET_INOUT(size), BEGET_IN(from, n), n, 9));
}

static int unpack(enum beget_method method, Bytef *to, uLongf *size, const Bytef *from, uLong n)
{
	return run(method, BEGET_CALL(uncompress, BEGET_OUT(to, *size), BEGET_INOUT(size), BEGET_IN(from, n), n));
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	enum beget_method method = method_of(argc > 1 ? argv[1] : "forkserver");
	static Bytef text[100000], packed[sizeof(text)], back[sizeof(text)];
	uLongf packed_size = sizeof(packed), back_size = sizeof(back);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (Bytef) "a rose is "[i % 10];
	if (pack(method, packed, &packed_size, text, sizeof(text)) != Z_OK ||
	    unpack(method, back, &back_size, packed, packed_size) != Z_OK || memcmp(back, text, sizeof(text)) != 0)
		return 1;
	printf("%zu bytes, packed %lu, unpacked %lu\n", sizeof(text), packed_size, back_size);

	packed[packed_size / 2] ^= 0xff;
	return unpack(method, back, &back_size, packed, packed_size) != Z_DATA_ERROR;
}
