/* The peer glib: g_spawn of this program, and waitpid. Once in the common way, which closes descriptors in the child,
 * and once in the fastest way, which leaves them open and lets glib use posix_spawn. */
#include "peer.h"

#include <glib.h>
#include <sys/wait.h>
#include <unistd.h>

static void by_glib(const struct way *way, struct sample *ret)
{
	static char path[4096];
	char *argv[] = {path, "--note", "1", NULL};
	GError *error = NULL;
	GPid pid;
	int status;

	if (!path[0] && readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		bench_die("readlink", "there is no /proc");
	int64_t begin = bench_now();
	if (!g_spawn_async_with_fds(NULL, argv, NULL, (GSpawnFlags)way->flags, NULL, NULL, &pid, 0, bench_note_fd, 2,
	                            &error))
		bench_die("g_spawn", error->message);
	ret->returned = bench_now() - begin;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_die("g_spawn", "the target failed");
	ret->total = bench_now() - begin;
	ret->first = *bench_note - begin;
	g_spawn_close_pid(pid);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{"glib g_spawn", by_glib, 0, G_SPAWN_DO_NOT_REAP_CHILD, 0, 0},
		{"glib g_spawn descriptors open", by_glib, 0,
	         G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, 0, 0},
	};
	int code = bench_target(argc, argv);

	if (code >= 0)
		return code;
	bench_make_note();
	peer_serve(ways, 2);
	return 0;
}
