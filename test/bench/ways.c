/* The table of contenders. Every target does the same: it reads the clock and stores it where the caller finds it. A
 * bare child writes it to the note. A beget child returns it, so beget's total includes a result, and the others' do
 * not. */
#include "ways.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct beget_process *bench_start(enum beget_method method, unsigned flags, const struct beget_call *call)
{
	struct beget_process *process;

	if (beget_start(&process, BEGET_OPTIONS(.method = method, .flags = flags), call) < 0)
		bench_die("beget_start", beget_error());
	return process;
}

void bench_join(struct beget_process *process)
{
	struct beget_status status;
	char what[300];

	if (beget_join(process, BEGET_FOREVER, &status) < 0)
		bench_die("beget_join", beget_error());
	if (status.outcome == BEGET_EXITED && status.code == 0)
		return;
	beget_describe(process, what, sizeof(what));
	bench_die("a child", what);
}

enum { SHARED, SPARES, SPAWN_SPARES, SANDBOX, SERVERS, REST_US = 5000, SPARE_US = 1000, SPARE_TRIES = 300 };

static struct beget_server *servers[SERVERS];

#define BWRAP "bwrap", "--ro-bind", "/", "/", "--unshare-all"

void bench_open_servers(void)
{
	if (beget_server_open(&servers[SPARES], BEGET_SERVER_OPTIONS(.spares = BENCH_BURST)) < 0 ||
	    beget_server_open(&servers[SPAWN_SPARES], BEGET_SERVER_OPTIONS(.spawn_spares = BENCH_BURST)) < 0)
		bench_die("beget_server_open", beget_error());
	(void)beget_server_open(&servers[SANDBOX],
	                        BEGET_SERVER_OPTIONS(.launcher = (const char *const[]){BWRAP, NULL}));
}

bool bench_has_sandbox(void)
{
	return servers[SANDBOX] != NULL;
}

void bench_close_servers(void)
{
	for (int i = 0; i < SERVERS; i++)
		beget_server_close(servers[i]);
}

/* A spare is created when its server is idle, and a spare of spawn must load its libraries. After a rest the kernel
 * puts a new process on another processor, and caches are colder; this affects all ways, with spares or without. */
void bench_rest(const struct way *way)
{
	struct beget_server_status status = {0};
	struct beget_server *server = servers[way->server];

	for (int i = 0; server && i < SPARE_TRIES && status.spares < BENCH_BURST; i++) {
		if (beget_server_status(server, &status) < 0)
			bench_die("beget_server_status", beget_error());
		usleep(SPARE_US);
	}
	if (server && status.spares < BENCH_BURST)
		bench_die("a server", "it makes no spares");
	usleep(REST_US);
}

static void by_beget(const struct way *way, struct sample *ret)
{
	struct beget_process *process;
	struct beget_server *server = servers[way->server];
	int64_t there;

	int64_t begin = bench_now();
	if (beget_start(&process,
	                BEGET_OPTIONS(.method = (enum beget_method)way->method, .flags = way->flags, .server = server),
	                BEGET_CALL(bench_now)) < 0)
		bench_die("beget_start", beget_error());
	ret->returned = bench_now() - begin;
	bench_join(process);
	if (beget_result(process, &there) < 0)
		bench_die("beget_result", beget_error());
	ret->total = bench_now() - begin;
	ret->first = there - begin;
	beget_free(process);
}

static void wait_bare(pid_t pid, int64_t begin, struct sample *ret)
{
	int status;

	ret->returned = bench_now() - begin;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		bench_die("a bare start", strerror(errno));
	ret->total = bench_now() - begin;
	ret->first = *bench_note - begin;
}

static void by_fork(const struct way *way, struct sample *ret)
{
	int64_t begin = bench_now();

	(void)way;
	pid_t pid = fork();
	if (pid == 0) {
		*bench_note = bench_now();
		_exit(0);
	}
	wait_bare(pid, begin, ret);
}

static void by_vfork(const struct way *way, struct sample *ret)
{
	const int64_t begin = bench_now();
	const pid_t pid = vfork();

	(void)way;
	if (pid == 0) {
		*bench_note = bench_now();
		_exit(0);
	}
	wait_bare(pid, begin, ret);
}

/* The same program, dynamically linked with the same libraries. */
static void by_posix_spawn(const struct way *way, struct sample *ret)
{
	extern char **environ;
	char fd[16];
	char *const argv[] = {"target", "--note", fd, NULL};
	pid_t pid = -1;

	(void)way;
	snprintf(fd, sizeof(fd), "%d", bench_note_fd);
	int64_t begin = bench_now();
	errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	wait_bare(pid, begin, ret);
}

static void by_bwrap(const struct way *way, struct sample *ret)
{
	extern char **environ;
	static char program[4096];
	char fd[16];
	char *const argv[] = {BWRAP, program, "--note", fd, NULL};
	pid_t pid = -1;

	(void)way;
	if (!program[0] && readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		bench_die("/proc/self/exe", strerror(errno));
	snprintf(fd, sizeof(fd), "%d", bench_note_fd);
	int64_t begin = bench_now();
	errno = posix_spawnp(&pid, "bwrap", NULL, NULL, argv, environ);
	wait_bare(pid, begin, ret);
}

/* The names also appear in the figures, the plots and the goals: report.awk and *.gp in this folder. */
const struct way bench_ways[] = {
	{"bare fork", by_fork, 0, 0, 0, 0},
	{"vfork", by_vfork, 0, 0, 0, 0},
	{"posix_spawn", by_posix_spawn, 0, 0, 0, 0},
	{"beget fork", by_beget, BEGET_FORK, 0, SHARED, 0},
	{"beget forkserver", by_beget, BEGET_FORKSERVER, 0, SHARED, 0},
	{"beget forkserver server state", by_beget, BEGET_FORKSERVER, BEGET_SERVER_STATE, SHARED, 0},
	{"beget spawn", by_beget, BEGET_SPAWN, 0, SHARED, 0},
	{"beget fork tree", by_beget, BEGET_FORK, BEGET_TREE, SHARED, 0},
	{"beget forkserver tree", by_beget, BEGET_FORKSERVER, BEGET_TREE, SHARED, 0},
	{"beget spawn tree", by_beget, BEGET_SPAWN, BEGET_TREE, SHARED, 0},
	{"bare fork after a rest", by_fork, 0, 0, 0, 1},
	{"posix_spawn after a rest", by_posix_spawn, 0, 0, 0, 1},
	{"beget forkserver after a rest", by_beget, BEGET_FORKSERVER, 0, SHARED, 1},
	{"beget forkserver spares", by_beget, BEGET_FORKSERVER, 0, SPARES, 1},
	{"beget forkserver spares server state", by_beget, BEGET_FORKSERVER, BEGET_SERVER_STATE, SPARES, 1},
	{"beget spawn spares", by_beget, BEGET_SPAWN, 0, SPAWN_SPARES, 1},
	{"bwrap", by_bwrap, 0, 0, 0, 2},
	{"beget spawn through bwrap", by_beget, BEGET_SPAWN, 0, SANDBOX, 2},
	{"beget forkserver in bwrap", by_beget, BEGET_FORKSERVER, 0, SANDBOX, 2},
};
const size_t bench_ways_n = sizeof(bench_ways) / sizeof(*bench_ways);

const struct way *bench_way(const char *name)
{
	for (size_t i = 0; i < bench_ways_n; i++)
		if (strcmp(bench_ways[i].name, name) == 0)
			return &bench_ways[i];
	bench_die(name, "no such way");
}
