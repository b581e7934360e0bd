/* A library that keeps state, in one worker: a zlib stream is opened, fed piece by piece and closed there.
 * What one call leaves in the worker's memory, the next call finds. Damaged data could crash only the worker. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 1000, SIZE = 100000 };

static z_stream stream; /* the worker's */

static int start(void)
{
	return inflateInit(&stream) == Z_OK ? 0 : -1;
}

static struct beget_bytes feed(struct beget_bytes in)
{
	static Bytef out[SIZE];

	stream.next_in = (Bytef *)in.data, stream.avail_in = (uInt)in.size;
	stream.next_out = out, stream.avail_out = sizeof(out);
	(void)inflate(&stream, Z_NO_FLUSH);
	return BEGET_BYTES(out, sizeof(out) - stream.avail_out);
}

/* Feeds n bytes to the worker, appends what comes out, and returns its length. */
static size_t unpack(struct beget_process *worker, const Bytef *from, size_t n, Bytef *to)
{
	struct beget_task *task;
	struct beget_bytes out = {NULL, 0};

	if (beget_submit(worker, &task, NULL, BEGET_CALL(feed, BEGET_BYTES(from, n))) < 0)
		return 0;
	beget_task_join(task, BEGET_FOREVER, NULL);
	if (beget_task_result(task, &out) == 0)
		memcpy(to, out.data, out.size);
	beget_task_free(task);
	return out.size;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static Bytef text[SIZE], packed[SIZE], back[SIZE];
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (Bytef)(i * i >> 10);
	uLongf packed_size = SIZE;
	struct beget_process *worker;
	size_t size = 0;
	if (compress(packed, &packed_size, text, SIZE) != Z_OK || beget_worker(&worker, NULL, BEGET_CALL(start)) < 0)
		return 1;
	for (size_t at = 0; at < packed_size && size < SIZE; at += PIECE)
		size += unpack(worker, packed + at, packed_size - at < PIECE ? packed_size - at : PIECE, back + size);
	beget_free(worker);
	printf("%zu bytes, %s\n", size, memcmp(text, back, SIZE) == 0 ? "the same" : "others");
	return size != SIZE;
}
