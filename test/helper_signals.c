/* Signals of the terminal: a signal that is sent to the host's process group, at any moment since before the helper's
 * launch, never ends or stops the helper. */
#include "os/trace.h"
#include "host.h"

#include <fcntl.h>

static int trace[2];   /* output of the host's trace */
static int reports[2]; /* the host reports that it is about to start */
static int done[2];    /* the host learns that no more signals come */
static volatile sig_atomic_t interrupts;

static void count(int signal)
{
	(void)signal;
	interrupts++;
}

static void quick(void)
{
}

/* Starts until no more signals come, and once more. Its children may be interrupted, because they are in its group. */
static void starter(void)
{
	struct sigaction action = {.sa_handler = count}; /* a handler, because a new image resets it to the default */
	struct beget_process *p;
	struct beget_status status;
	bool last;
	char c;

	sigaction(SIGINT, &action, NULL);
	beget__trace_fd = trace[1];
	CHECK(write(reports[1], "r", 1) == 1);
	do {
		last = read(done[0], &c, 1) == 1;
		CHECK(beget_start(&p, NULL, BEGET_CALL(quick)) == 0);
		CHECK(beget_join(p, 10000, &status) == 0);
		CHECK((status.outcome == BEGET_EXITED && status.code == 0) ||
		      (!last && status.outcome == BEGET_SIGNALED && status.code == SIGINT));
		beget_free(p);
	} while (!last);
	CHECK(interrupts > 0);
}

static int launches(void)
{
	static char text[1 << 16];
	int n = 0;

	for (ssize_t got; (got = read(trace[0], text, sizeof(text) - 1)) > 0;) {
		text[got] = '\0';
		for (const char *at = text; (at = strstr(at, "launched helper")); at++)
			n++;
	}
	return n;
}

static void interrupted_after(int ms)
{
	char ready;

	assert_int_equal(pipe2(trace, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC | O_NONBLOCK), 0);
	pid_t host = host_start(starter);
	assert_int_equal(read(reports[0], &ready, 1), 1);
	sleep_ms(ms);
	kill(-host, SIGINT);
	sleep_ms(ms ? 1 : 30);
	kill(-host, SIGINT);
	assert_int_equal(write(done[1], "d", 1), 1);
	assert_int_equal(host_end(host), 0);
	assert_int_equal(launches(), 1);
	for (int i = 0; i < 2; i++) {
		close(trace[i]);
		close(reports[i]);
		close(done[i]);
	}
}

static void ctrl_c_at_any_moment(void)
{
	for (int ms = 0; ms <= 50; ms += ms < 10 ? 1 : 8)
		for (int again = 0; again < (ms < 10 ? 3 : 1); again++)
			interrupted_after(ms);
}

/* The helper has its own group in the host's session: the terminal's signals do not reach it, and its children can join
 * the host's group. */
static void own_group(void)
{
	pid_t helper = helper_pid();

	assert_int_equal(getpgid(helper), helper);
	assert_int_equal(getsid(helper), getsid(0));
	assert_true(getpgid(0) != helper);
}

static void stopped_host(void)
{
	pid_t helper = host_helper();

	CHECK(write(reports[1], &helper, sizeof(helper)) == sizeof(helper));
	raise(SIGSTOP);
	CHECK(host_helper() == helper);
}

static char state_of(pid_t pid)
{
	char path[40], text[512] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strrchr(text, ')')[2];
}

static void ctrl_z_stops_only_the_host(void)
{
	pid_t helper;
	int status;

	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t host = host_start(stopped_host);
	assert_int_equal(read(reports[0], &helper, sizeof(helper)), sizeof(helper));
	assert_int_equal(waitpid(host, &status, WUNTRACED), host);
	assert_true(WIFSTOPPED(status));
	kill(-host, SIGTSTP);
	sleep_ms(20);
	assert_int_not_equal(state_of(helper), 'T');
	kill(-host, SIGCONT);
	assert_int_equal(host_end(host), 0);
	close(reports[0]);
	close(reports[1]);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(ctrl_c_at_any_moment),
		UNIT(own_group),
		UNIT(ctrl_z_stops_only_the_host),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
