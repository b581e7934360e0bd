/* A long run: several threads start, signal, join and free at random, with all methods, with the shared helper and with
 * servers that keep spares, while helpers are killed and stopped. In the end no status or result is lost or wrong, and
 * there are no more descriptors, processes, mappings and bytes of heap than after a run to warm up.
 *
 * SOAK_SECONDS (120), SOAK_SEED (determines each thread's choices, but not how threads interleave), SOAK_CALM=1 (no
 * helper is killed). */
#include "kernel.h"
#include "os/fd.h"
#include "os/proc.h"

#include <beget.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, HANDLES = 5, SERVERS = 2, LARGE = 3 << 20, STUCK_S = 60, WARM_S = 8 };

enum kind {
	ADD,
	ECHO,
	FILL,
	BUFFER,
	PIPE,
	EXIT,
	CRASH,
	EXEC,
	NAP,
	WAITS,
	NESTED,
	KINDS,
};
static const char *const kind_names[KINDS] = {"add",   "echo", "fill", "buffer", "pipe",  "exit",
                                              "crash", "exec", "nap",  "waits",  "nested"};
static const char *const method_names[] = {"forkserver", "spawn", "fork"};

/* A process of a worker thread, and its expected end. */
struct work {
	struct beget_process *p;
	enum kind kind;
	enum beget_method method;
	int number;
	bool killed[NSIG]; /* by which signals */
	size_t size;
	char *memory;
	struct beget_buffer *buffer;
	int end; /* of the pipe */
};

struct worker {
	pthread_t thread;
	unsigned number;
	uint64_t random;
	struct work work[HANDLES];
	atomic_long steps;
	_Atomic(const char *) doing;
};

static struct worker workers[WORKERS];
static struct beget_server *servers[SERVERS];
static pthread_rwlock_t servers_lock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_bool stop;
static atomic_long started[3], ended[5], by_kind[KINDS], refused[200], kills, stops, nested_failed, reopened, wrong;
static bool calm, remembers;

/* Targets. */

static int add(int a, int b)
{
	return a + b;
}

static struct beget_bytes echo(struct beget_bytes b)
{
	return b;
}

static void fill(char *to, long n, int number)
{
	memset(to, number, (size_t)n);
}

static struct beget_buffer *raise_bytes(struct beget_buffer *buffer)
{
	char *data = beget_buffer_data(buffer);

	for (size_t i = 0; i < beget_buffer_size(buffer); i++)
		data[i]++;
	return beget_buffer_ref(buffer);
}

static int write_number(struct beget_fd fd, int number)
{
	char c = (char)number;

	return write(fd.fd, &c, 1) == 1 ? number : -1;
}

static void leave_with(int code)
{
	_exit(code);
}

static void crash(int number)
{
	raise(number % 2 ? SIGABRT : SIGSEGV);
}

static void execute(int number)
{
	char script[20];

	snprintf(script, sizeof(script), "exit %d", number);
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(126);
}

static int nap(int ms)
{
	poll(NULL, 0, ms);
	return ms;
}

static void waits(void)
{
	for (;;)
		pause();
}

/* The helper that it uses may be killed meanwhile. */
static int nested(int method, int number)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(add, number, 1)) < 0)
		return -1;
	if (beget_join(p, -1, NULL) < 0 || beget_result(p, &value) < 0)
		value = -1;
	beget_free(p);
	return value;
}

/* Choices. */

static uint64_t next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static int upto(struct worker *w, int n)
{
	return (int)((next(w) >> 20) % (uint64_t)n);
}

static size_t some_size(struct worker *w)
{
	static const int most[] = {10, 1000, 70000, 300000};

	return upto(w, 60) == 0 ? LARGE : (size_t)upto(w, most[upto(w, 4)]);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static void complain(const struct work *k, const char *format, ...)
{
	char why[200], text[400] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	if (k->p)
		beget_describe(k->p, text, sizeof(text));
	printf("# WRONG: %s by %s: %s; %s\n", kind_names[k->kind], method_names[k->method], why, text);
	wrong++;
}

/* Starting. */

static int prepare_work(struct worker *w, struct work *k)
{
	k->number = upto(w, 100);
	k->size = k->kind == ECHO || k->kind == FILL || k->kind == BUFFER ? 1 + some_size(w) : 0;
	if (k->kind == ECHO || k->kind == FILL) {
		k->memory = malloc(k->size);
		if (!k->memory)
			return -ENOMEM;
		memset(k->memory, k->kind == ECHO ? k->number : ~k->number, k->size);
	}
	if (k->kind == BUFFER) {
		int error = beget_buffer_create(&k->buffer, k->size);
		if (error)
			return error;
		memset(beget_buffer_data(k->buffer), k->number, k->size);
	}
	return 0;
}

static int start_pipe(const struct beget_options *o, struct work *k)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	int error = beget_start(&k->p, o, BEGET_CALL(write_number, BEGET_FD(ends[1]), k->number));
	close(ends[1]);
	k->end = ends[0];
	return error;
}

static int start_kind(struct worker *w, const struct beget_options *o, struct work *k)
{
	switch (k->kind) {
	case ADD: return beget_start(&k->p, o, BEGET_CALL(add, k->number, 1));
	case ECHO: return beget_start(&k->p, o, BEGET_CALL(echo, BEGET_BYTES(k->memory, k->size)));
	case FILL:
		return beget_start(&k->p, o, BEGET_CALL(fill, BEGET_OUT(k->memory, k->size), (long)k->size, k->number));
	case BUFFER: return beget_start(&k->p, o, BEGET_CALL(raise_bytes, k->buffer));
	case PIPE: return start_pipe(o, k);
	case EXIT: return beget_start(&k->p, o, BEGET_CALL(leave_with, k->number));
	case CRASH: return beget_start(&k->p, o, BEGET_CALL(crash, k->number));
	case EXEC: return beget_start(&k->p, o, BEGET_CALL(execute, k->number));
	case NAP: return beget_start(&k->p, o, BEGET_CALL(nap, k->number));
	case WAITS: return beget_start(&k->p, o, BEGET_CALL(waits));
	case NESTED: return beget_start(&k->p, o, BEGET_CALL(nested, upto(w, 3), k->number));
	case KINDS: break;
	}
	return -EINVAL;
}

static void drop(struct work *k)
{
	beget_free(k->p);
	free(k->memory);
	beget_buffer_free(k->buffer);
	if (k->end >= 0)
		close(k->end);
	*k = (struct work){.end = -1};
}

static bool may_be_refused(const struct beget_options *o, int error)
{
	return (error == -ECONNRESET && !calm && o->method == BEGET_FORKSERVER) ||
	       (error == -ETIMEDOUT && o->timeout_ms > 0);
}

static void begin(struct worker *w, struct work *k)
{
	struct beget_options o = {.size = sizeof(o)};

	k->kind = (enum kind)upto(w, KINDS);
	k->method = o.method = (enum beget_method)(upto(w, 5) % 3);
	if (o.method == BEGET_FORK)
		o.flags = BEGET_UNSAFE_FORK;
	if (k->kind == WAITS || upto(w, 8) == 0)
		o.flags |= BEGET_TIED;
	if (o.method == BEGET_FORKSERVER && upto(w, 10) == 0)
		o.timeout_ms = 1 + upto(w, 300);
	if (upto(w, 10) == 0)
		o.cwd = "/";
	pthread_rwlock_rdlock(&servers_lock);
	int which = upto(w, SERVERS + 1);
	o.server = o.method != BEGET_FORK && which < SERVERS ? servers[which] : NULL;
	w->doing = kind_names[k->kind];
	int error = prepare_work(w, k);
	if (!error)
		error = start_kind(w, &o, k);
	pthread_rwlock_unlock(&servers_lock);
	if (error) {
		if (!may_be_refused(&o, error))
			complain(k, "start: %d: %s", error, beget_error());
		refused[-error % 200]++;
		k->p = NULL;
		drop(k);
		return;
	}
	started[k->method]++;
	by_kind[k->kind]++;
}

/* Ending. */

static bool all_are(const char *data, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] != c)
			return false;
	return true;
}

static void check_buffer(struct work *k)
{
	struct beget_buffer *back = NULL;

	if (beget_result(k->p, &back) < 0 || beget_buffer_size(back) != k->size ||
	    !all_are(beget_buffer_data(back), k->size, (char)(k->number + 1)) ||
	    !all_are(beget_buffer_data(k->buffer), k->size, (char)(k->number + 1)))
		complain(k, "the buffer is wrong: %s", beget_error());
}

static void check_int(const struct work *k, int expected)
{
	int value = -2;

	if (beget_result(k->p, &value) < 0)
		complain(k, "no result: %s", beget_error());
	else if (k->kind == NESTED && value == -1 && !calm)
		nested_failed++;
	else if (value != expected)
		complain(k, "%d, not %d", value, expected);
}

static void check_result(struct work *k)
{
	struct beget_bytes bytes;
	char c = 0;

	switch (k->kind) {
	case ADD:
	case NESTED: check_int(k, k->number + 1); break;
	case NAP: check_int(k, k->number); break;
	case PIPE:
		check_int(k, k->number);
		if (read(k->end, &c, 1) != 1 || c != (char)k->number)
			complain(k, "the pipe has %d", c);
		break;
	case ECHO:
		if (beget_result(k->p, &bytes) < 0 || bytes.size != k->size ||
		    !all_are(bytes.data, bytes.size, (char)k->number))
			complain(k, "the bytes are wrong: %s", beget_error());
		break;
	case FILL:
		if (!all_are(k->memory, k->size, (char)k->number))
			complain(k, "the memory is wrong");
		break;
	case BUFFER: check_buffer(k); break;
	default: break;
	}
}

static void check_end(struct work *k, const struct beget_status *s)
{
	int code = k->kind == EXIT || k->kind == EXEC ? k->number : 0;
	int signal = k->kind == CRASH ? (k->number % 2 ? SIGABRT : SIGSEGV) : 0;

	ended[s->outcome]++;
	if (s->outcome == BEGET_LOST) {
		if (remembers || calm || k->method != BEGET_FORKSERVER)
			complain(k, "lost");
	} else if (s->outcome == BEGET_FAILED) {
		/* its helper was killed before it was created, or it was signalled before it had read its call */
		if (s->code != -ECONNRESET || calm || k->method != BEGET_FORKSERVER)
			complain(k, "failed");
	} else if (s->outcome == BEGET_SIGNALED) {
		if (s->code != signal && !k->killed[s->code])
			complain(k, "signal %d", s->code);
	} else if (s->outcome != BEGET_EXITED || s->code != code || signal || k->kind == WAITS) {
		complain(k, "outcome %d, code %d", (int)s->outcome, s->code);
	} else {
		check_result(k);
	}
}

static void finish(struct worker *w, struct work *k, int timeout_ms)
{
	struct beget_status status;

	w->doing = timeout_ms < 0 ? "join" : "a short join";
	int error = beget_join(k->p, timeout_ms, &status);
	if (error == -ETIMEDOUT && timeout_ms >= 0)
		return;
	if (error)
		complain(k, "join: %s", beget_error());
	else
		check_end(k, &status);
	drop(k);
}

static void signal_it(struct worker *w, struct work *k)
{
	int number = upto(w, 2) ? SIGKILL : SIGTERM;

	w->doing = "kill";
	int error = beget_kill(k->p, number);
	if (!error)
		k->killed[0] = k->killed[number] = true;
	if (error && error != -ESRCH)
		complain(k, "kill: %s", beget_error());
}

static void reopen(struct worker *w)
{
	int which = upto(w, SERVERS);

	w->doing = "reopen";
	pthread_rwlock_wrlock(&servers_lock);
	beget_server_close(servers[which]);
	servers[which] = NULL;
	int error = 0;
	for (int i = 0; i < 10 && !servers[which]; i++)
		error = beget_server_open(&servers[which],
		                          BEGET_SERVER_OPTIONS(.spares = which ? 3 : 0, .spawn_spares = which ? 1 : 0));
	if (!servers[which] && (error != -ECONNRESET || calm)) {
		printf("# WRONG: open: %s\n", beget_error());
		wrong++;
	}
	pthread_rwlock_unlock(&servers_lock);
	reopened++;
}

static void wait_for_some(struct worker *w)
{
	struct beget_process *ps[HANDLES];
	bool any = false;

	for (int i = 0; i < HANDLES; i++)
		any |= (ps[i] = w->work[i].p) != NULL;
	if (!any)
		return;
	w->doing = "wait";
	int which = beget_wait(ps, HANDLES, upto(w, 30));
	if (which >= 0)
		finish(w, &w->work[which], 0);
	else if (which != -ETIMEDOUT)
		complain(&w->work[0], "wait: %s", beget_error());
}

/* Frees a handle without joining, of a process that ends by itself or through its tie. */
static void forget(struct worker *w, struct work *k)
{
	w->doing = "free";
	if (k->kind == WAITS && beget_kill(k->p, SIGKILL) && !k->killed[0])
		finish(w, k, -1); /* it was never born */
	else
		drop(k);
}

static void step(struct worker *w)
{
	struct work *k = &w->work[upto(w, HANDLES)];
	int choice = upto(w, 200);

	if (choice == 0)
		reopen(w);
	else if (!k->p)
		begin(w, k);
	else if (choice < 20)
		forget(w, k);
	else if (choice < 60)
		signal_it(w, k);
	else if (choice < 100)
		wait_for_some(w);
	else if (k->kind == WAITS && !k->killed[0])
		signal_it(w, k);
	else
		finish(w, k, choice < 150 ? upto(w, 20) : -1);
	w->steps++;
	w->doing = "nothing";
}

static void *work(void *data)
{
	struct worker *w = data;

	while (!stop)
		step(w);
	for (int i = 0; i < HANDLES; i++) {
		struct work *k = &w->work[i];
		if (k->p && k->kind == WAITS)
			if (beget_kill(k->p, SIGKILL) == 0)
				k->killed[0] = k->killed[SIGKILL] = true;
		if (k->p)
			finish(w, k, -1);
	}
	return NULL;
}

/* The thread that kills helpers. */

static bool is_ours(pid_t pid, const char *mark)
{
	struct stat self, other;
	char path[60], text[400] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (stat("/proc/self/exe", &self) < 0 || stat(path, &other) < 0 || self.st_ino != other.st_ino ||
	    self.st_dev != other.st_dev)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && (!mark || memmem(text, (size_t)n, mark, strlen(mark)));
}

static void strike(struct worker *w, struct beget_server *server)
{
	struct beget_server_status status;

	if (beget_server_status(server, &status) < 0)
		return;
	int pidfd = beget__proc_pidfd_open(status.pid);
	if (pidfd < 0 || !is_ours(status.pid, "--beget-helper")) {
		beget__fd_close(&pidfd);
		return;
	}
	if (upto(w, 3)) {
		beget__proc_signal(status.pid, pidfd, SIGKILL);
		kills++;
	} else {
		beget__proc_signal(status.pid, pidfd, SIGSTOP);
		poll(NULL, 0, upto(w, 200));
		beget__proc_signal(status.pid, pidfd, SIGCONT);
		stops++;
	}
	beget__fd_close(&pidfd);
}

static void *kill_helpers(void *data)
{
	struct worker *w = data;

	while (!stop) {
		poll(NULL, 0, 5 + upto(w, upto(w, 4) ? 60 : 800));
		int which = upto(w, SERVERS + 1);
		pthread_rwlock_rdlock(&servers_lock);
		struct beget_server *server = which < SERVERS ? servers[which] : NULL;
		if (!calm && (server || which == SERVERS))
			strike(w, server);
		pthread_rwlock_unlock(&servers_lock);
	}
	return NULL;
}

/* What exists. */

struct level {
	int descriptors, processes, maps;
	size_t heap, mapped;
};

static int count_in(const char *path, bool (*counts)(pid_t, const char *))
{
	DIR *dir = opendir(path);
	int n = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.' && (!counts || (atoi(e->d_name) > 0 && counts(atoi(e->d_name), NULL)));
	if (dir)
		closedir(dir);
	return n;
}

static int count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static struct level level(void)
{
	struct level l = {.descriptors = count_in("/proc/self/fd", NULL)};

	for (int i = 0; i < 1000 && (l.processes = count_in("/proc", is_ours)) > 2; i++)
		poll(NULL, 0, 10); /* processes whose handles were freed end by themselves */
	malloc_trim(0);
	struct mallinfo2 heap = mallinfo2();
	l.heap = heap.uordblks;
	l.mapped = heap.hblkhd;
	l.maps = count_lines("/proc/self/maps");
	return l;
}

static void print_level(const char *when, const struct level *l)
{
	printf("# %s: %d descriptors, %d processes, %d mappings, %zu bytes of heap, %zu mapped\n", when, l->descriptors,
	       l->processes, l->maps, l->heap, l->mapped);
}

/* A round. */

static void progress(int64_t begun)
{
	printf("# %4d s: %ld forkserver, %ld spawn, %ld fork; %ld helpers killed, %ld stopped; %ld failed, %ld lost, "
	       "%ld "
	       "wrong\n",
	       (int)((now_ms() - begun) / 1000), started[BEGET_FORKSERVER], started[BEGET_SPAWN], started[BEGET_FORK],
	       kills, stops, ended[BEGET_FAILED], ended[BEGET_LOST], wrong);
}

static void watch(int64_t until)
{
	long before[WORKERS] = {0};
	int64_t begun = now_ms(), moved[WORKERS], shown = begun;

	for (int i = 0; i < WORKERS; i++)
		moved[i] = begun;
	while (now_ms() < until) {
		poll(NULL, 0, 200);
		for (int i = 0; i < WORKERS; i++) {
			long steps = workers[i].steps;
			if (steps != before[i])
				moved[i] = now_ms();
			before[i] = steps;
			if (now_ms() - moved[i] > STUCK_S * 1000) {
				printf("Bail out! worker %d is stuck in %s\n", i, workers[i].doing);
				abort();
			}
		}
		if (now_ms() - shown >= 5000) {
			progress(begun);
			shown = now_ms();
		}
	}
}

static void round_of(int seconds, uint64_t seed)
{
	struct worker assassin = {.random = seed ^ 0x9e3779b97f4a7c15u};
	pthread_t killer;

	stop = false;
	for (int i = 0; i < SERVERS; i++)
		reopen(&(struct worker){.random = (uint64_t)i + 1});
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.number = i, .random = (seed + i) * 0x2545f4914f6cdd1du | 1};
		for (int j = 0; j < HANDLES; j++)
			workers[i].work[j].end = -1;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	pthread_create(&killer, NULL, kill_helpers, &assassin);
	watch(now_ms() + (int64_t)seconds * 1000);
	stop = true;
	pthread_join(killer, NULL);
	alarm(STUCK_S);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	alarm(0);
	for (int i = 0; i < SERVERS; i++) {
		beget_server_close(servers[i]);
		servers[i] = NULL;
	}
	struct beget_process *p; /* the shared helper stays, and freed processes are reaped */
	for (int i = 0; i < 10; i++) {
		if (beget_start(&p, NULL, BEGET_CALL(nap, 20)) == 0) {
			beget_join(p, -1, NULL);
			beget_free(p);
		}
	}
}

static int verdicts, failures;

static void verdict(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++verdicts, what);
	failures += !good;
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text && text[0] ? strtol(text, NULL, 10) : otherwise;
}

/* Memory in a thread's cache would count as used. */
static void without_caches(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	without_caches(argv);
	beget_init(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	mallopt(M_ARENA_MAX, 1); /* so that the count does not depend on which thread allocated the memory */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	int seconds = (int)setting("SOAK_SECONDS", 120);
	uint64_t seed = (uint64_t)setting("SOAK_SEED", (long)(time(NULL) % 1000000));
	calm = setting("SOAK_CALM", 0) != 0;
	remembers = kernel_remembers();
	printf("1..5\n# SOAK_SEED=%lu SOAK_SECONDS=%d%s; the kernel %s the end of what others reaped\n",
	       (unsigned long)seed, seconds, calm ? " SOAK_CALM=1" : "", remembers ? "remembers" : "forgets");
	round_of(seconds < 2 * WARM_S ? seconds / 2 : WARM_S, seed + 1000);
	struct level before = level();
	print_level("warm", &before);
	round_of(seconds, seed);
	struct level after = level();
	print_level("end", &after);
	for (int i = 0; i < KINDS; i++)
		printf("# %s: %ld\n", kind_names[i], by_kind[i]);
	for (int i = 0; i < 200; i++)
		if (refused[i])
			printf("# refused: %ld: %s\n", refused[i], strerror(i));
	printf("# exited %ld, signaled %ld, failed %ld, lost %ld; %ld nested starts met a killed helper; %ld servers\n",
	       ended[BEGET_EXITED], ended[BEGET_SIGNALED], ended[BEGET_FAILED], ended[BEGET_LOST], nested_failed,
	       reopened);
	verdict(wrong == 0, "every result and every status is right");
	verdict(!remembers || ended[BEGET_LOST] == 0, "no status is lost that the kernel knows");
	verdict(after.descriptors <= before.descriptors, "no descriptor more");
	verdict(after.processes <= before.processes, "no process more");
	verdict(after.heap <= before.heap && after.mapped <= before.mapped && after.maps <= before.maps,
	        "no memory more");
	return failures > 0;
}
