/* Both sides of the pipes between the bench and a peer. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 16 };

static long long number(struct peer *peer)
{
	long long value;

	if (fscanf(peer->from, "%lld", &value) != 1)
		bench_die("a peer", "it has ended");
	return value;
}

void peer_open(struct peer *ret, char *program)
{
	extern char **environ;
	int in[2], out[2];
	char line[64];
	pid_t pid;
	posix_spawn_file_actions_t actions;
	char *const argv[] = {program, NULL};

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		bench_die("cannot make a pipe", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	errno = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	if (errno)
		bench_die(program, strerror(errno));
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	*ret = (struct peer){.to = fdopen(in[1], "w"), .from = fdopen(out[0], "r")};
	setlinebuf(ret->to);
	while (ret->n < PEER_WAYS && fgets(line, sizeof(line), ret->from) && line[0] != '\n') {
		line[strcspn(line, "\n")] = 0;
		strcpy(ret->names[ret->n++], line);
	}
	if (ret->n == 0)
		bench_die(program, "it has no way to start anything");
}

void peer_times(struct peer *peer, int way, int n, struct sample *ret)
{
	fprintf(peer->to, "s %d %d\n", way, n);
	for (int i = 0; i < n; i++) {
		ret[i].first = number(peer);
		ret[i].returned = number(peer);
		ret[i].total = number(peer);
	}
}

int64_t peer_ask(struct peer *peer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(peer->to, format, arguments);
	va_end(arguments);
	return number(peer);
}

int64_t peer_run(struct peer *peer, int way, int n, int threads)
{
	return peer_ask(peer, "r %d %d %d\n", way, n, threads);
}

void peer_memory(struct peer *peer, size_t size)
{
	(void)peer_ask(peer, "m %zu\n", size);
}

void peer_close(struct peer *peer)
{
	fclose(peer->to);
	fclose(peer->from);
}

struct runner {
	const struct way *way;
	int n;
	pthread_barrier_t *line;
};

static void *run(void *data)
{
	struct runner *runner = data;
	struct sample sample;

	pthread_barrier_wait(runner->line);
	for (int i = 0; i < runner->n; i++)
		runner->way->once(runner->way, &sample);
	return NULL;
}

/* One thread is the main thread, because most programs never create another. */
int64_t peer_threads(const struct way *way, int n, int threads)
{
	pthread_t others[THREADS_MAX];
	pthread_barrier_t line;
	struct runner runner = {way, n, &line};

	pthread_barrier_init(&line, NULL, (unsigned)threads);
	for (int i = 1; i < threads; i++)
		if ((errno = pthread_create(&others[i], NULL, run, &runner)))
			bench_die("cannot make a thread", strerror(errno));
	int64_t begin = bench_now();
	run(&runner);
	for (int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	int64_t end = bench_now();
	pthread_barrier_destroy(&line);
	return end - begin;
}

static void serve_times(const struct way *way, int n)
{
	for (int i = 0; i < n; i++) {
		struct sample sample = {0};
		way->once(way, &sample);
		printf("%lld %lld %lld\n", (long long)sample.first, (long long)sample.returned,
		       (long long)sample.total);
	}
}

void peer_serve(const struct way *ways, int n)
{
	char line[64];
	int way, count, threads;
	size_t size, held = 0;
	void *memory = NULL;

	for (int i = 0; i < n; i++)
		puts(ways[i].name);
	puts("");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "s %d %d", &way, &count) == 2 && way < n) {
			serve_times(&ways[way], count);
		} else if (sscanf(line, "r %d %d %d", &way, &count, &threads) == 3 && way < n) {
			printf("%lld\n", (long long)peer_threads(&ways[way], count, threads));
		} else if (sscanf(line, "m %zu", &size) == 1) {
			bench_drop(memory, held);
			memory = bench_fill(held = size);
			puts("0");
		}
		fflush(stdout);
	}
}
