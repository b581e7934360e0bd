/* Finding out how a process ended, with simulated sources: the order in which they are asked, which answers are
 * believed, and that no status is reported that no source has given. */
#include "harness.h"
#include "caller/fate.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { PID = 1234, PIDFD = 56 };

/* The answer of each source: an errno, 0 for a status, RUNS. */
enum { RUNS = 1 };
static struct {
	int by_pidfd, by_pid, record, zombie;
	siginfo_t info;
	int record_status, zombie_status;
	char asked[16]; /* f: waitid with the pidfd, p: with the pid, r: record, z: zombie */
} world;

static void ask(char c)
{
	char letter[2] = {c, '\0'};

	strcat(world.asked, letter);
}

static int fake_waitid(idtype_t type, id_t id, siginfo_t *info, int options, struct rusage *usage)
{
	int answer = type == P_PIDFD ? world.by_pidfd : world.by_pid;

	ask(type == P_PIDFD ? 'f' : 'p');
	assert_int_equal(id, type == P_PIDFD ? PIDFD : PID);
	assert_int_equal(options, WEXITED | WNOHANG);
	info->si_pid = 0;
	if (answer < 0)
		return answer;
	if (answer != RUNS) {
		*info = world.info;
		info->si_pid = PID;
		usage->ru_utime.tv_sec = 1;
		usage->ru_utime.tv_usec = 5;
		usage->ru_stime.tv_usec = 7;
		usage->ru_maxrss = 9;
	}
	return 0;
}

static int fake_record(int pidfd, int *wait_status)
{
	ask('r');
	assert_int_equal(pidfd, PIDFD);
	if (!world.record)
		*wait_status = world.record_status;
	return world.record;
}

static int fake_zombie(pid_t pid, int *wait_status)
{
	ask('z');
	assert_int_equal(pid, PID);
	if (!world.zombie)
		*wait_status = world.zombie_status;
	return world.zombie;
}

/* No source has an answer. */
static void silence(void)
{
	memset(&world, 0, sizeof(world));
	world.by_pidfd = world.by_pid = -ECHILD;
	world.record = world.zombie = -ENODATA;
	world.record_status = 3 << 8;
	world.zombie_status = 4 << 8;
	world.info.si_code = CLD_EXITED;
	world.info.si_status = 5;
	beget__fate_sources = (struct beget__sources){fake_waitid, fake_record, fake_zombie};
}

static const struct beget__exit report = {.wait_status = 6 << 8, .user_us = 1, .system_us = 2, .peak_kib = 3};
static struct beget__exit end;

/* Expects this result for the evidence, and that these sources were asked. */
static void expect(struct beget__evidence e, int error, int wait_status, const char *asked)
{
	e.pid = PID;
	world.asked[0] = '\0';
	memset(&end, 0x55, sizeof(end));
	assert_int_equal(beget__fate_find(&e, &end), error);
	assert_int_equal(end.wait_status, error ? 0x55555555 : wait_status);
	assert_string_equal(world.asked, asked);
}

static void our_child(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ours = true};

	silence();
	world.by_pidfd = RUNS;
	expect(e, -EAGAIN, 0, "f");
	e.ended = true; /* the pidfd polls as ended, but it cannot be waited for yet */
	expect(e, -EAGAIN, 0, "f");
	world.by_pidfd = 0;
	expect(e, 0, 5 << 8, "f");
	assert_int_equal(end.user_us, 1000005);
	assert_int_equal(end.system_us, 7);
	assert_int_equal(end.peak_kib, 9);
}

static void words_of_waitid(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ours = true};

	silence();
	world.by_pidfd = 0;
	world.info.si_status = 255;
	expect(e, 0, 255 << 8, "f");
	world.info.si_code = CLD_KILLED;
	world.info.si_status = 9;
	expect(e, 0, 9, "f");
	world.info.si_code = CLD_DUMPED;
	world.info.si_status = 11;
	expect(e, 0, 11 | 0x80, "f");
}

/* Kernels and sandboxes report in many ways that they cannot wait with a pidfd. */
static void our_child_without_pidfd(void)
{
	static const int ways[] = {-EINVAL, -ENOSYS, -EPERM, -EBADF};
	struct beget__evidence e = {.pidfd = PIDFD, .ours = true};

	silence();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		world.by_pidfd = ways[i];
		world.by_pid = RUNS;
		expect(e, -EAGAIN, 0, "fp");
		world.by_pid = 0;
		expect(e, 0, 5 << 8, "fp");
	}
	e.pidfd = -1;
	world.by_pid = RUNS;
	expect(e, -EAGAIN, 0, "p");
	world.by_pid = 0;
	expect(e, 0, 5 << 8, "p");
}

/* The host ignores SIGCHLD or reaps all children: only the record is left. */
static void our_child_reaped_by_another(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ours = true};

	silence();
	expect(e, -ENODATA, 0, "fr");
	world.record = 0;
	expect(e, 0, 3 << 8, "fr");
	world.record = world.zombie = 0;
	e.pidfd = -1;
	expect(e, -ENODATA, 0, "p"); /* the number may belong to another process by now, so it is not used */
}

static void the_helpers_child(void)
{
	struct beget__evidence e = {.pidfd = PIDFD};

	silence();
	world.record = world.zombie = 0;
	expect(e, -EAGAIN, 0, ""); /* it is running: no source is asked */
	e.ended = true;
	expect(e, 0, 3 << 8, "fr");
	e.report = &report;
	expect(e, 0, 3 << 8, "r"); /* the record is believed, and the report has the times */
	assert_int_equal(end.peak_kib, 3);
	assert_int_equal(end.user_us, 1);
	/* Everything except the core flag, which the record has only if the first thread dumped core. */
	struct beget__exit dumped = {.wait_status = 11 | 0x80};
	e.report = &dumped;
	world.record_status = 11;
	expect(e, 0, 11 | 0x80, "r");
	world.record_status = 9;
	expect(e, 0, 9, "r");
	dumped.wait_status = 11;
	world.record_status = 11 | 0x80;
	expect(e, 0, 11 | 0x80, "r");
	e.report = &report;
	world.record = -ENODATA;
	expect(e, 0, 6 << 8, "r");
	e.ended = false; /* the report is sufficient */
	expect(e, 0, 6 << 8, "r");
	e.pidfd = -1;
	expect(e, 0, 6 << 8, "");
}

static void the_helper_is_silent(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ended = true, .report_due = true};

	silence();
	world.zombie = 0;
	expect(e, -EAGAIN, 0, "fr"); /* its report may still come, and has the times */
	e.report_due = false;
	expect(e, 0, 4 << 8, "frz");
	world.zombie = -ENODATA;
	expect(e, -ENODATA, 0, "frzr");
	e.pidfd = -1;
	expect(e, -ENODATA, 0, "z");
	e.report_due = true;
	expect(e, -EAGAIN, 0, "");
}

/* Reaping removes the zombie first, and the record appears a moment later: the library waits for it, but not
 * forever. */
static void reaped_between_two_looks(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ended = true, .record_due = true};

	silence();
	world.record = -EAGAIN;
	expect(e, -EAGAIN, 0, "frzr");
	e.record_due = false;
	expect(e, -ENODATA, 0, "frzr");
	world.record = 0;
	expect(e, 0, 3 << 8, "fr");
	e.ours = e.record_due = true;
	world.record = -EAGAIN;
	expect(e, -EAGAIN, 0, "fr");
	e.record_due = false;
	expect(e, -ENODATA, 0, "fr");
}

/* A host that is process 1 or a subreaper inherits the children of a helper that died, and their zombies. */
static void inherited_from_the_helper(void)
{
	struct beget__evidence e = {.pidfd = PIDFD, .ended = true, .report_due = true};

	silence();
	world.by_pid = 0;
	world.record = 0;
	world.by_pidfd = 0;
	expect(e, 0, 5 << 8, "f");
	world.by_pidfd = RUNS;
	expect(e, 0, 3 << 8, "fr");
	world.by_pidfd = -EINVAL;
	expect(e, 0, 3 << 8, "fr"); /* never with a number that may belong to another process */
}

static void in_the_users_words(void)
{
	static const struct {
		int wait_status;
		enum beget_outcome outcome;
		int code;
		bool core;
	} cases[] = {
		{0, BEGET_EXITED, 0, false},          {1 << 8, BEGET_EXITED, 1, false},
		{255 << 8, BEGET_EXITED, 255, false}, {9, BEGET_SIGNALED, 9, false},
		{6 | 0x80, BEGET_SIGNALED, 6, true},  {64, BEGET_SIGNALED, 64, false},
	};
	static const struct beget_status blank;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct beget__exit e = {
			.wait_status = cases[i].wait_status, .user_us = 10, .system_us = 20, .peak_kib = 30};
		struct beget_status s;
		memset(&s, 0xff, sizeof(s));
		beget__fate_fill(&e, &s);
		assert_int_equal(s.outcome, cases[i].outcome);
		assert_int_equal(s.code, cases[i].code);
		assert_int_equal(s.core_dumped, cases[i].core);
		assert_int_equal(s.user_us + s.system_us + s.peak_kib, 60);
		assert_memory_equal(s.reserved, blank.reserved, sizeof(s.reserved));
		assert_memory_equal(s.reserved8, blank.reserved8, sizeof(s.reserved8));
	}
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(our_child),
		UNIT(words_of_waitid),
		UNIT(our_child_without_pidfd),
		UNIT(our_child_reaped_by_another),
		UNIT(the_helpers_child),
		UNIT(the_helper_is_silent),
		UNIT(reaped_between_two_looks),
		UNIT(inherited_from_the_helper),
		UNIT(in_the_users_words),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
