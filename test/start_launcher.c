/* Well-known launchers: everything that a start promises holds with each of them, for spawn and for a server. Launchers
 * that do not work here are skipped. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

enum { MOST = 12, PATIENCE_MS = 20000 };

static const struct launcher {
	const char *argv[MOST];
	bool slow;    /* each process takes about a second */
	bool watches; /* a tracer, which cannot trace a traced process */
} launchers[] = {
	{.argv = {"env", "BEGET_TEST=1"}},
	{.argv = {"setpriv", "--no-new-privs"}},
	{.argv = {"prlimit", "--nofile=100"}},
	{.argv = {"taskset", "1"}},
	{.argv = {"chrt", "--batch", "0"}},
	{.argv = {"nice", "-n", "1"}},
	{.argv = {"numactl", "--localalloc"}},
	{.argv = {"sh", "-c", "\"$@\"; exit 3", "sh"}},
	{.argv = {"unshare", "--user", "--map-root-user", "--net"}},
	{.argv = {"unshare", "--user", "--map-root-user", "--pid", "--fork"}},
	{.argv = {"nsenter", "--net=/proc/self/ns/net"}},
	{.argv = {"bwrap", "--ro-bind", "/", "/", "--unshare-net"}},
	{.argv = {"bwrap", "--ro-bind", "/", "/", "--unshare-all", "--new-session", "--die-with-parent"}},
	{.argv = {"bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--as-pid-1"}},
	{.argv = {"bwrap", "--ro-bind", "/", "/", "--tmpfs", "/proc", "--unshare-user"}},
	{.argv = {"strace", "-f", "-o", "/dev/null"}, .watches = true},
	{.argv = {"perf", "stat", "-o", "/dev/null"}, .watches = true},
	{.argv = {"valgrind", "--log-file=/dev/null"}, .watches = true, .slow = true},
};
enum { LAUNCHERS = sizeof(launchers) / sizeof(*launchers) };

#define NOTHING "--nothing" /* the argument with which this program only exits */

static const struct launcher *now; /* the launcher that is tested */
static struct beget_options with;  /* options that use it */

/* It works here if it can run this program: valgrind may be unable to read what the compiler wrote into it. */
static bool runs(const struct launcher *l)
{
	const char *argv[MOST + 2] = {NULL};
	char program[PATH_MAX] = "";
	int n = 0;

	for (; l->argv[n]; n++)
		argv[n] = l->argv[n];
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	argv[n++] = program;
	argv[n] = NOTHING;
	pid_t pid = fork();
	if (pid == 0) {
		int nothing = open("/dev/null", O_RDWR);
		dup2(nothing, STDOUT_FILENO);
		dup2(nothing, STDERR_FILENO);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	int status = host_end(pid);
	return WIFEXITED(status) && WEXITSTATUS(status) != 127 && WEXITSTATUS(status) != 1;
}

/* Targets. */

struct pair {
	int a, b;
};

static int adds(const char *text, double factor, const struct pair *pair, struct beget_bytes bytes, int *out)
{
	*out = pair->b;
	return (int)strlen(text) + (int)(factor * pair->a) + ((const char *)bytes.data)[1];
}

static void leaves(int code)
{
	exit(code);
}

static void is_killed(int signal)
{
	raise(signal);
}

static void stays(void)
{
	for (int i = 0; i < 60; i++)
		sleep(1);
}

static void echoes(void)
{
	char line[64] = "";

	if (fgets(line, sizeof(line), stdin))
		printf("%s", line);
	fprintf(stderr, "done\n");
}

static int writes(struct beget_fd fd, struct beget_buffer *buffer)
{
	strcpy(beget_buffer_data(buffer), "shared");
	return (int)write(fd.fd, "through", 7);
}

static int method_and_pid(int *method)
{
	*method = beget_start_method();
	return (int)getpid();
}

static struct beget_process *begin(const struct beget_call *call)
{
	struct beget_process *p;

	if (beget_start(&p, &with, call) < 0)
		fail_msg("%s: %s", now->argv[0], beget_error());
	return p;
}

static void expect(struct beget_process *p, enum beget_outcome outcome, int code)
{
	struct beget_status status = {.outcome = BEGET_RUNNING};
	char text[500] = "";

	assert_int_equal(beget_join(p, PATIENCE_MS, &status), 0);
	beget_describe(p, text, sizeof(text));
	if (status.outcome != outcome || status.code != code)
		fail_msg("%s: outcome %d, code %d: %s", now->argv[0], (int)status.outcome, status.code, text);
	beget_free(p);
}

static void carries_arguments(void)
{
	struct pair pair = {10, 20};
	int value = 0, out = 0;
	struct beget_process *p =
		begin(BEGET_CALL(adds, "four", 2.0, BEGET_IN(&pair, 1), BEGET_BYTES("\1\2", 2), BEGET_OUT(&out)));

	assert_int_equal(beget_join(p, PATIENCE_MS, NULL), 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 4 + 20 + 2);
	assert_int_equal(out, 20);
	beget_free(p);
}

static void reports_fates(void)
{
	expect(begin(BEGET_CALL(leaves, 7)), BEGET_EXITED, 7);
	expect(begin(BEGET_CALL(leaves, 143)), BEGET_EXITED, 143);
	expect(begin(BEGET_CALL(is_killed, SIGTERM)), BEGET_SIGNALED, SIGTERM);
	expect(begin(BEGET_CALL(is_killed, SIGKILL)), BEGET_SIGNALED, SIGKILL);
}

static void kills_and_watches(void)
{
	struct beget_process *p = begin(BEGET_CALL(stays));
	struct pollfd end = {.fd = beget_sentinel(p), .events = POLLIN};

	assert_true(end.fd >= 0);
	assert_int_equal(poll(&end, 1, 0), 0);
	assert_int_equal(beget_kill(p, SIGTERM), 0);
	assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
	expect(p, BEGET_SIGNALED, SIGTERM);
	p = begin(BEGET_CALL(stays));
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect(p, BEGET_SIGNALED, SIGKILL);
}

static void read_all(int fd, char *text, size_t size)
{
	size_t n = 0;

	for (ssize_t got; n + 1 < size && (got = read(fd, text + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	text[n] = '\0';
	close(fd);
}

static void connects_streams(void)
{
	struct beget_options o = with;
	struct beget_process *p;
	char text[64];
	int in, out, err;

	o.in = BEGET_STREAM_PIPE(&in);
	o.out = BEGET_STREAM_PIPE(&out);
	o.err = BEGET_STREAM_PIPE(&err);
	assert_int_equal(beget_start(&p, &o, BEGET_CALL(echoes)), 0);
	assert_int_equal(write(in, "line\n", 5), 5);
	close(in);
	read_all(out, text, sizeof(text));
	assert_string_equal(text, "line\n");
	read_all(err, text, sizeof(text));
	assert_non_null(strstr(text, "done\n"));
	expect(p, BEGET_EXITED, 0);
}

static void passes_descriptors(void)
{
	struct beget_buffer *buffer;
	char text[16] = "";
	int fds[2];

	assert_int_equal(beget_buffer_create(&buffer, 100), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct beget_process *p = begin(BEGET_CALL(writes, BEGET_FD(fds[1]), buffer));
	close(fds[1]);
	read_all(fds[0], text, sizeof(text));
	expect(p, BEGET_EXITED, 0);
	assert_string_equal(text, "through");
	assert_string_equal(beget_buffer_data(buffer), "shared");
	beget_buffer_free(buffer);
}

/* The last of the process's numbers, from the outermost pid namespace to its own. */
static int innermost_pid(pid_t pid)
{
	char path[40], line[256];
	int number = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0)
			number = atoi(strrchr(line, '\t') + 1);
	if (f)
		fclose(f);
	return number;
}

static int waits_for(struct beget_fd go, int *method)
{
	char byte;

	if (read(go.fd, &byte, 1) < 0)
		return -1;
	return method_and_pid(method);
}

static void names_the_target(void)
{
	int fds[2], method = -1, pid = 0;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct beget_process *p = begin(BEGET_CALL(waits_for, BEGET_FD(fds[0]), BEGET_OUT(&method)));
	int inside = innermost_pid(beget_pid(p));
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(beget_join(p, PATIENCE_MS, NULL), 0);
	assert_int_equal(beget_result(p, &pid), 0);
	assert_int_equal(method, (int)with.method);
	assert_int_equal(inside, pid);
	beget_free(p);
}

static int report_to; /* receives the pid of a child */

static void leaves_a_tied_child(void)
{
	struct beget_options o = with;
	struct beget_process *p;

	o.flags = BEGET_TIED;
	CHECK(beget_start(&p, &o, BEGET_CALL(stays)) == 0);
	pid_t pid = beget_pid(p);
	CHECK(pid > 0 && write(report_to, &pid, sizeof(pid)) == sizeof(pid));
	kill(getpid(), SIGKILL);
}

static void ties(void)
{
	int fds[2];
	pid_t pid = 0;

	if (with.server) /* it belongs to this process */
		return;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	report_to = fds[1];
	host_end(host_start(leaves_a_tied_child));
	close(fds[1]);
	assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	close(fds[0]);
	assert_true(process_gone(pid, PATIENCE_MS));
}

static void holds(void)
{
	carries_arguments();
	if (now->slow)
		return;
	reports_fates();
	kills_and_watches();
	connects_streams();
	passes_descriptors();
	names_the_target();
	ties();
}

static void through_the_next(void)
{
	static const struct launcher *next = launchers;
	struct beget_server *server;

	now = next++;
	if (now->watches) {
		not_under_asan("two watchers");
		not_under_valgrind("two watchers");
	}
	if (!runs(now))
		skip();
	with = (struct beget_options){.size = sizeof(with), .method = BEGET_SPAWN, .launcher = now->argv};
	holds();
	assert_int_equal(beget_server_open(&server, BEGET_SERVER_OPTIONS(.launcher = now->argv)), 0);
	with = (struct beget_options){.size = sizeof(with), .server = server};
	holds();
	beget_server_close(server);
}

static const char *label(const struct launcher *l, char *text, size_t size)
{
	size_t n = 0;

	for (int i = 0; l->argv[i] && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? " " : "", l->argv[i]);
	return text;
}

int main(int argc, char **argv)
{
	static struct unit table[LAUNCHERS];
	static char names[LAUNCHERS][120];

	beget_init(argc, argv);
	if (argc > 1 && strcmp(argv[1], NOTHING) == 0)
		return 0;
	for (int i = 0; i < LAUNCHERS; i++)
		table[i] = (struct unit){label(&launchers[i], names[i], sizeof(names[i])), through_the_next};
	return run_units(table, LAUNCHERS, 1);
}
