/* State that a running helper cannot provide to its children: another helper is launched with it, and only one. State
 * that no child has with any method. New sessions and groups, and Ctrl-C. */
#include "matrix.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/capability.h>
#include <linux/stat.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <time.h>

/* Session. */

static const char *session(void)
{
	snprintf(text, sizeof(text), "%d, group %d", (int)getsid(0), (int)getpgrp());
	return text;
}

static bool found_session(void)
{
	return setsid() > 0;
}

/* Rights. */

static const char *rights(void)
{
	static const char *const lines[] = {"Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp"};
	char line[400];
	FILE *f = fopen("/proc/thread-self/status", "re");

	snprintf(text, sizeof(text), "securebits %x\n", (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
			if (strncmp(line, lines[i], strlen(lines[i])) == 0)
				add("%s", line);
	if (f)
		fclose(f);
	return text;
}

/* With system calls, which change only the calling thread. */

static bool leave_groups(void)
{
	gid_t groups[] = {5, 65534};

	return syscall(SYS_setgroups, 2, groups) == 0;
}

static bool change_group(void)
{
	return syscall(SYS_setresgid, 65533, 65533, 65533) == 0;
}

static bool become_nobody(void)
{
	return syscall(SYS_setgroups, 0, NULL) == 0 && change_group() &&
	       syscall(SYS_setresuid, 65534, 65534, 65534) == 0;
}

static bool drop_capability(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	const uint32_t raw = 1u << CAP_NET_RAW;

	if (syscall(SYS_capget, &header, data) < 0 || !(data[0].permitted & raw))
		return false;
	data[0].effective &= ~raw;
	data[0].permitted &= ~raw;
	data[0].inheritable &= ~raw;
	return syscall(SYS_capset, &header, data) == 0;
}

/* This affects only processes that are executed. */
static bool drop_bounding(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0 && drop_capability();
}

static bool drop_all(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	return geteuid() == 0 && syscall(SYS_capset, &header, none) == 0;
}

static bool set_securebits(void)
{
	return prctl(PR_SET_SECUREBITS, 1UL << 2 /* SECBIT_NO_SETUID_FIXUP */, 0, 0, 0) == 0;
}

static bool gain_nothing(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0, 0, 0) == 0;
}

/* So many that the lines after them in the status file are beyond its first page. */
static bool have_many_groups(void)
{
	gid_t groups[400];

	for (unsigned i = 0; i < 400; i++)
		groups[i] = 4000000000u + i;
	return syscall(SYS_setgroups, 400, groups) == 0;
}

static bool filter_nothing(void)
{
	struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog program = {1, &allow};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool filter_as_anybody(void)
{
	return gain_nothing() && filter_nothing();
}

/* Namespaces, and the root directory with its mount. */

#define MOUNT_ID 0x1000u /* Linux 5.8 */

static const char *namespaces(void)
{
	static const char *const names[] = {"user", "net", "uts", "ipc", "cgroup", "mnt", "time_for_children"};
	char path[60], link[60];
	struct statx root;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", names[i]);
		ssize_t n = readlink(path, link, sizeof(link));
		add("%.*s ", n > 0 ? (int)n : 0, link);
	}
	if (syscall(SYS_statx, AT_FDCWD, "/", 0, MOUNT_ID, &root) == 0)
		add("root %llx", (unsigned long long)root.stx_mnt_id);
	return text;
}

static bool new_network(void)
{
	return unshare(CLONE_NEWNET) == 0;
}

static bool new_name(void)
{
	return unshare(CLONE_NEWUTS) == 0;
}

static bool new_ipc(void)
{
	return unshare(CLONE_NEWIPC) == 0;
}

static bool new_cgroup(void)
{
	return unshare(CLONE_NEWCGROUP) == 0;
}

static bool new_time(void)
{
	return unshare(0x80 /* CLONE_NEWTIME */) == 0;
}

static bool new_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0;
}

static bool mount_root(void)
{
	return new_mounts() && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("/", scratch, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool change_root(void)
{
	struct statx root;

	return syscall(SYS_statx, AT_FDCWD, "/", 0, MOUNT_ID, &root) == 0 && root.stx_mask & MOUNT_ID &&
	       unshare(CLONE_FS) == 0 && chroot(scratch) == 0 && chdir("/") == 0;
}

static bool write_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content);

	if (fd >= 0)
		close(fd);
	return done;
}

static bool new_user(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool new_root_user(void)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "0 %d 1", (int)geteuid());
	snprintf(groups, sizeof(groups), "0 %d 1", (int)getegid());
	return new_user() && write_file("/proc/thread-self/uid_map", users) &&
	       write_file("/proc/thread-self/setgroups", "deny") && write_file("/proc/thread-self/gid_map", groups) &&
	       syscall(SYS_setresgid, 0, 0, 0) == 0 && syscall(SYS_setresuid, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 1UL, 0, 0, 0) == 0;
}

static bool new_root_user_of_anybody(void)
{
	return be_anybody() && new_root_user();
}

static bool new_user_and_network(void)
{
	return new_root_user() && new_network();
}

/* State that no child has. */

static const char *timers(void)
{
	struct itimerval timer;
	char line[100];
	FILE *f = fopen("/proc/self/timers", "re");

	text[0] = '\0';
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		syscall(SYS_getitimer, which, &timer);
		add("%s ", timer.it_value.tv_sec ? "set" : "none");
	}
	while (f && fgets(line, sizeof(line), f))
		add("%s", line);
	if (f)
		fclose(f);
	return text;
}

static bool set_timers(void)
{
	struct itimerval far = {.it_value = {.tv_sec = 1000}};
	struct itimerspec later = {.it_value = {.tv_sec = 1000}};
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	timer_t timer;

	alarm(1000);
	return setitimer(ITIMER_VIRTUAL, &far, NULL) == 0 && setitimer(ITIMER_PROF, &far, NULL) == 0 &&
	       timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &later, NULL) == 0;
}

static const char *locked(void)
{
	char line[100];
	FILE *f = fopen("/proc/self/status", "re");

	text[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmLck:", 6) == 0)
			add("%s", line);
	if (f)
		fclose(f);
	return text;
}

static bool lock_memory(void)
{
	char before[100];

	snprintf(before, sizeof(before), "%s", locked());
	/* A sanitizer makes it do nothing. */
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 && strcmp(before, locked()) != 0;
}

static const char *pending(void)
{
	sigset_t set;

	sigpending(&set);
	text[0] = '\0';
	for (int n = 1; n < NSIG; n++)
		add("%d", sigismember(&set, n) == 1);
	return text;
}

static bool raise_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 1);
	return pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0 && kill(getpid(), SIGRTMIN + 1) == 0;
}

static const char *family(void)
{
	int death, subreaper;

	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	snprintf(text, sizeof(text), "%d, %d", death, subreaper);
	return text;
}

static bool bind_family(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* A session and a group of its own. */

static const char *own(void)
{
	snprintf(text, sizeof(text), "session %s, group %s, terminal %s",
	         getsid(0) == getpid() ? "own" : "the caller's", getpgrp() == getpid() ? "own" : "the caller's",
	         open("/dev/tty", O_RDWR) < 0 ? "none" : "there");
	return text;
}

static bool take_terminal(int *master)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || grantpt(*master) < 0 || unlockpt(*master) < 0 || setsid() < 0)
		return false;
	return open(ptsname(*master), O_RDWR | O_CLOEXEC) >= 0 && tcgetpgrp(*master) == getpgrp();
}

static void owned(int unused)
{
	static const char *const wanted[] = {
		"session the caller's, group the caller's, terminal there",
		"session the caller's, group own, terminal there",
		"session own, group own, terminal none",
		"session own, group own, terminal none",
	};
	const unsigned flags[] = {0, BEGET_NEW_GROUP, BEGET_NEW_SESSION, BEGET_NEW_SESSION | BEGET_NEW_GROUP};
	int master;

	(void)unused;
	if (!take_terminal(&master))
		_exit(NOT_PERMITTED);
	for (int i = 0; i < 4; i++)
		for (int m = 0; m < 3; m++)
			expect_text("flags", "each", "each", wanted[i],
			            ask((enum beget_method)m, flags[i], BEGET_CALL(own)));
}

static void a_session_of_its_own(void)
{
	if (!in_copy(owned, 0))
		skip();
}

/* Ctrl-C reaches the children in the foreground group, and never the helper. */

static void be_interrupted(struct beget_fd ready)
{
	alarm(20);
	signal(SIGINT, SIG_DFL); /* with fork, the child has the caller's handler */
	if (write(ready.fd, "x", 1) == 1)
		for (;;)
			pause();
}

static void interrupted(int n)
{
	(void)n;
}

static const char *parent_of(void)
{
	snprintf(text, sizeof(text), "%d", (int)getppid());
	return text;
}

static void press_ctrl_c(int unused)
{
	struct beget_process *p[3];
	struct beget_status status;
	int master, ready[2];
	char byte;

	(void)unused;
	if (!take_terminal(&master))
		_exit(NOT_PERMITTED);
	signal(SIGINT, interrupted);
	const char *helper = ask(BEGET_FORKSERVER, 0, BEGET_CALL(parent_of));
	if (pipe2(ready, O_CLOEXEC) < 0)
		GIVE_UP("pipe: %s", strerror(errno));
	for (int m = 0; m < 3; m++) {
		if (beget_start(&p[m], BEGET_OPTIONS(.method = (enum beget_method)m),
		                BEGET_CALL(be_interrupted, BEGET_FD(ready[1]))) < 0 ||
		    read(ready[0], &byte, 1) != 1)
			GIVE_UP("start, method %d: %s", m, beget_error());
	}
	if (write(master, "\003", 1) != 1)
		GIVE_UP("write: %s", strerror(errno));
	for (int m = 0; m < 3; m++)
		if (beget_join(p[m], 10000, &status) < 0 || status.outcome != BEGET_SIGNALED || status.code != SIGINT)
			GIVE_UP("method %d: outcome %d, code %d", m, (int)status.outcome, status.code);
	expect_text("Ctrl-C", "after", "helper", helper, ask(BEGET_FORKSERVER, 0, BEGET_CALL(parent_of)));
}

static void ctrl_c(void)
{
	if (!in_copy(press_ctrl_c, 0))
		skip();
}

static const struct piece pieces[] = {
	{"session", session, NULL, found_session, REBIRTH},
	{"supplementary groups", rights, NULL, leave_groups, REBIRTH | BY_THREAD},
	{"group id", rights, NULL, change_group, REBIRTH | BY_THREAD | UNSEEN},
	{"user id", rights, NULL, become_nobody, REBIRTH | BY_THREAD | UNSEEN},
	{"capability", rights, NULL, drop_capability, REBIRTH | BY_THREAD | UNSEEN},
	{"all capabilities", rights, NULL, drop_all, REBIRTH | BY_THREAD | UNSEEN},
	{"bounding set", rights, NULL, drop_bounding, REBIRTH | BY_THREAD | UNSEEN},
	{"securebits", rights, NULL, set_securebits, REBIRTH | BY_THREAD | UNSEEN},
	{"no new privileges", rights, NULL, gain_nothing, REBIRTH | BY_THREAD},
	{"seccomp", rights, NULL, filter_nothing, REBIRTH | BY_THREAD},
	{"another seccomp filter", rights, filter_as_anybody, filter_nothing, REBIRTH | BY_THREAD},
	{"no new privileges behind many groups", rights, have_many_groups, gain_nothing, REBIRTH | BY_THREAD},
	{"seccomp behind many groups", rights, have_many_groups, filter_nothing, REBIRTH | BY_THREAD},
	{"network namespace", namespaces, NULL, new_network, REBIRTH | BY_THREAD},
	{"uts namespace", namespaces, NULL, new_name, REBIRTH | BY_THREAD},
	{"ipc namespace", namespaces, NULL, new_ipc, REBIRTH | BY_THREAD},
	{"cgroup namespace", namespaces, NULL, new_cgroup, REBIRTH | BY_THREAD},
	{"time namespace", namespaces, NULL, new_time, REBIRTH},
	{"mount namespace", namespaces, NULL, new_mounts, REBIRTH | BY_THREAD},
	{"root directory", namespaces, mount_root, change_root, REBIRTH | BY_THREAD},
	{"user namespace", namespaces, NULL, new_user, REBIRTH | UNSEEN},
	{"user namespace of anybody", namespaces, be_anybody, new_user, REBIRTH | UNSEEN},
	{"user namespace with a root", namespaces, be_anybody, new_root_user, REBIRTH},
	{"another user namespace", namespaces, new_root_user_of_anybody, new_root_user, REBIRTH},
	{"network of anybody", namespaces, be_anybody, new_user_and_network, REBIRTH},
	{"timers", timers, NULL, set_timers, NO_CHILD},
	{"locked memory", locked, NULL, lock_memory, NO_CHILD},
	{"pending signals", pending, NULL, raise_blocked, NO_CHILD},
	{"family", family, NULL, bind_family, NO_CHILD},
};

static const struct piece *piece_at(int index)
{
	return &pieces[index];
}

int main(int argc, char **argv)
{
	static const struct unit more[] = {UNIT(a_session_of_its_own), UNIT(ctrl_c)};

	beget_init(argc, argv);
	return run_matrix(sizeof(pieces) / sizeof(*pieces), more, sizeof(more) / sizeof(*more));
}
