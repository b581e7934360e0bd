/* Decodes untrusted files in a pool whose workers are in a sandbox without network and without writable files. Each
 * worker has 1 GiB of memory, and each file 200 ms. A file that exploits the decoder costs one worker. */
#include <beget.h>
#include <beget/pool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

enum { SIZE = 100000 };

static struct beget_bytes decode(struct beget_bytes in)
{
	static Bytef out[SIZE];
	uLongf size = sizeof(out);

	switch (*(const char *)in.data) { /* two holes in the decoder, because zlib has none */
	case 'c': abort();
	case 'h': pause();
	}
	int error = uncompress(out, &size, in.data, (uLong)in.size);
	return BEGET_BYTES(out, error ? 0 : size);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const char *const bwrap[] = {"bwrap", "--ro-bind", "/", "/", "--unshare-all", NULL};
	struct beget_server *sandbox;
	struct beget_pool *pool;
	if (beget_server_open(&sandbox, BEGET_SERVER_OPTIONS(.launcher = bwrap)) < 0)
		return fprintf(stderr, "%s\n", beget_error()), 1;
	const struct beget_options *start =
		BEGET_OPTIONS(.server = sandbox, .flags = BEGET_TIED, BEGET_RLIMITS({RLIMIT_AS, 1 << 30, 1 << 30}));
	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 2, .start = start, .limit_ms = 200)) < 0)
		return 1;

	static Bytef text[SIZE], packed[SIZE];
	uLongf size = SIZE;
	compress(packed, &size, text, SIZE);
	for (int i = 0; i < 20; i++) {
		packed[0] = i == 3 ? 'c' : i == 5 ? 'h' : i == 7 ? '?' : 'x';
		beget_pool_submit(pool, NULL, NULL, BEGET_CALL(decode, BEGET_BYTES(packed, size)));
	}
	int decoded = 0, damaged = 0, ends[BEGET_TIMED_OUT + 1] = {0};
	struct beget_task *task;
	struct beget_status status;
	for (struct beget_bytes out; beget_pool_next(pool, BEGET_FOREVER, &task, &status) == 0; beget_task_free(task)) {
		ends[status.outcome]++;
		if (beget_task_result(task, &out) == 0)
			out.size == SIZE ? decoded++ : damaged++;
	}
	printf("%d decoded, %d damaged, %d crashed, %d hung\n", decoded, damaged, ends[BEGET_SIGNALED],
	       ends[BEGET_TIMED_OUT]);
	beget_pool_free(pool);
	beget_server_close(sandbox);
	return 0;
}
