/* The peer libuv: uv_spawn of this program, and the loop until its exit is reported. */
#include "peer.h"

#include <unistd.h>
#include <uv.h>

static void on_exit_(uv_process_t *process, int64_t status, int signal)
{
	if (status != 0 || signal != 0)
		bench_die("uv_spawn", "the target failed");
	*(int64_t *)process->data = bench_now();
}

/* Each thread has its own loop. */
static uv_loop_t *loop(void)
{
	static _Thread_local uv_loop_t loop;
	static _Thread_local int made;

	if (!made++)
		uv_loop_init(&loop);
	return &loop;
}

static void by_uv(const struct way *way, struct sample *ret)
{
	static char path[4096];
	size_t size = sizeof(path);
	char *argv[] = {"target", "--note", "1", NULL};
	int64_t end = 0;
	uv_stdio_container_t stdio[2] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = bench_note_fd},
	};
	uv_process_options_t options = {
		.file = path,
		.args = argv,
		.exit_cb = on_exit_,
		.stdio = stdio,
		.stdio_count = 2,
	};
	uv_process_t process = {.data = &end};

	(void)way;
	if (!path[0])
		uv_exepath(path, &size);
	uv_loop_t *l = loop();
	int64_t begin = bench_now();
	int error = uv_spawn(l, &process, &options);
	if (error)
		bench_die("uv_spawn", uv_strerror(error));
	ret->returned = bench_now() - begin;
	while (!end)
		uv_run(l, UV_RUN_ONCE);
	ret->total = end - begin;
	ret->first = *bench_note - begin;
	uv_close((uv_handle_t *)&process, NULL);
	uv_run(l, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {{"libuv uv_spawn", by_uv, 0, 0, 0, 0}};
	int code = bench_target(argc, argv);

	if (code >= 0)
		return code;
	bench_make_note();
	peer_serve(ways, 1);
	return 0;
}
