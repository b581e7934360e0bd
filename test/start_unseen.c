/* State of the caller that the library cannot see never counts as equal to the helper's: without /proc, or with system
 * calls refused by a filter, a child still has its caller's state, or the start is refused with the reason. */
#include "filter.h"
#include "matrix.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>

/* As far as system calls show it. */
static const char *seen(void)
{
	gid_t groups[400];
	int n = getgroups(400, groups);
	mode_t mask = umask(077);
	uid_t uid[3];

	umask(mask);
	getresuid(&uid[0], &uid[1], &uid[2]);
	snprintf(text, sizeof(text), "uids %d %d %d, umask %o, no new privileges %d, seccomp %d, groups", (int)uid[0],
	         (int)uid[1], (int)uid[2], (unsigned)mask, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	         prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	for (int i = 0; i < n; i++)
		add(" %u", groups[i]);
	return text;
}

static void expect_equal(const char *when)
{
	static const char *const names[] = {
		[BEGET_FORKSERVER] = "forkserver", [BEGET_SPAWN] = "spawn", [BEGET_FORK] = "fork"};
	char *own = kept(seen());

	for (int m = 0; m < 3; m++)
		expect_text("rights", when, names[m], own, ask((enum beget_method)m, 0, BEGET_CALL(seen)));
	free(own);
}

static bool hide_proc(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       umount2("/proc", MNT_DETACH) == 0 && access("/proc/self", F_OK) < 0;
}

static void be_without_proc(int unused)
{
	gid_t groups[] = {5, 65534};

	(void)unused;
	expect_equal("with /proc");
	if (!hide_proc())
		_exit(NOT_PERMITTED);
	expect_equal("without");
	if (setgroups(2, groups) < 0)
		_exit(NOT_PERMITTED);
	expect_equal("with other groups");
	prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0, 0, 0);
	expect_equal("with no new privileges");
	if (!refuse_call(SYS_acct, EPERM))
		_exit(NOT_PERMITTED);
	expect_equal("with a filter");
	expect_equal("with the same filter");
}

static void without_proc(void)
{
	if (!in_copy(be_without_proc, 0))
		skip();
}

/* Calls that read state, and the state for which there is neither another source nor a launch that preserves it. */
static const struct {
	const char *name, *refused; /* NULL: all methods start */
	int call;
	bool by_spawn; /* refused with spawn too */
} calls[] = {
	{"getsid", NULL, SYS_getsid, false},
	{"getpgid", "the process group", SYS_getpgid, false},
	{"prlimit64", NULL, SYS_prlimit64, false},
	{"getpriority", NULL, SYS_getpriority, false},
	{"sched_getscheduler", NULL, SYS_sched_getscheduler, false},
	{"sched_getaffinity", NULL, SYS_sched_getaffinity, false},
	{"ioprio_get", NULL, SYS_ioprio_get, false},
	{"personality", NULL, SYS_personality, false},
	{"statx", NULL, SYS_statx, false},
	{"readlink", NULL, SYS_readlinkat, false},
	{"ioctl", NULL, SYS_ioctl, false},
	{"getgroups", NULL, SYS_getgroups, false},
	{"capget", "the capabilities", SYS_capget, true},
	{"prctl", "the dumpable attribute", SYS_prctl, true},
#ifdef SYS_readlink
	{"readlink", NULL, SYS_readlink, false},
#endif
};

static void expect_refusal(int index, enum beget_method method)
{
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(seen));

	if (error != -EOPNOTSUPP || !strstr(beget_error(), calls[index].refused))
		GIVE_UP("%s refused, method %d: %d, %s", calls[index].name, (int)method, error, beget_error());
}

/* With fork the child is a copy; with spawn, exec preserves almost everything. */
static void be_refused(int index)
{
	char *own;

	free(ask(BEGET_FORKSERVER, 0, BEGET_CALL(seen)));
	if (setpriority(PRIO_PROCESS, 0, 3) < 0 || !refuse_call(calls[index].call, EPERM))
		_exit(NOT_PERMITTED);
	own = kept(seen());
	for (int m = 0; m < 3; m++) {
		enum beget_method method = (enum beget_method)m;
		if (calls[index].refused && (m == BEGET_FORKSERVER || (m == BEGET_SPAWN && calls[index].by_spawn)))
			expect_refusal(index, method);
		else
			expect_text(calls[index].name, "refused", m == BEGET_FORK ? "fork" : "another", own,
			            ask(method, 0, BEGET_CALL(seen)));
	}
}

static void calls_refused(void)
{
	bool permitted = true;

	not_under_asan("its runtime makes the calls that are refused");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls) && permitted; i++)
		permitted = in_copy(be_refused, (int)i);
	if (!permitted)
		skip();
}

static const char *parent_of(void)
{
	snprintf(text, sizeof(text), "%d", (int)getppid());
	return text;
}

/* A service manager that locks the personality also refuses to report it; the file in /proc does report it. */
static void lock_personality(int unused)
{
	(void)unused;
	if (!refuse_call(SYS_personality, EPERM))
		_exit(NOT_PERMITTED);
	char *helper = ask(BEGET_FORKSERVER, 0, BEGET_CALL(parent_of));
	expect_text("personality", "locked", "helper", helper, ask(BEGET_FORKSERVER, 0, BEGET_CALL(parent_of)));
	expect_equal("with a locked personality");
}

static void personality_locked(void)
{
	if (!in_copy(lock_personality, 0))
		skip();
}

static const struct piece *piece_at(int index)
{
	(void)index;
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct unit more[] = {UNIT(without_proc), UNIT(calls_refused), UNIT(personality_locked)};

	beget_init(argc, argv);
	return run_matrix(0, more, sizeof(more) / sizeof(*more));
}
