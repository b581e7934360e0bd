/* Changes in the caller between two starts are visible to the next child, with any method, and to a child of that
 * child, and no helper is replaced for them: directory, environment, umask, signals, process group, standard
 * streams. */
#include "matrix.h"

#include <sched.h>
#include <sys/mount.h>

extern char **environ;

/* Working directory. */

static const char *directory(void)
{
	struct stat st;
	char path[4096];

	text[0] = '\0';
	add("%s ", getcwd(path, sizeof(path)) ? path : strerror(errno));
	if (fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0)
		add("%lx:%lx", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
	return text;
}

static bool enter(const char *name)
{
	mkdir(scratch_path(name), 0755);
	return chdir(scratch_path(name)) == 0;
}

static bool enter_a(void)
{
	return enter("a");
}

static bool enter_b(void)
{
	return unshare(CLONE_FS) == 0 && enter("b");
}

static bool enter_removed(void)
{
	return enter("b") && rmdir(scratch_path("b")) == 0;
}

static bool rename_a(void)
{
	char old[100];

	strcpy(old, scratch_path("a"));
	return rename(old, scratch_path("renamed")) == 0;
}

static bool recreate_a(void)
{
	return rename_a() && enter("a");
}

/* The same directory by two paths. */
static bool mount_b_on_a(void)
{
	char source[100];

	mkdir(strcpy(source, scratch_path("a")), 0755);
	mkdir(scratch_path("b"), 0755);
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(source, scratch_path("b"), NULL, MS_BIND, NULL) == 0 && enter("a");
}

/* A directory without search permission cannot be entered, so a child must be born in it. Root can search any
 * directory. */

static bool sit_in(const char *name)
{
	return enter(name) && chmod(".", 0) == 0 && chdir(".") < 0;
}

static bool sit_in_a(void)
{
	return be_anybody() && sit_in("a");
}

static bool sit_in_b(void)
{
	return sit_in("b");
}

static bool open_a(void)
{
	return chmod(scratch_path("a"), 0755) == 0 && enter_b();
}

/* Environment. */

static const char *environment(void)
{
	text[0] = '\0';
	for (char **e = environ; e && *e; e++)
		add("[%s]", *e);
	return text;
}

static bool set_variables(void)
{
	return setenv("BEGET_NEW", "a=b", 1) == 0 && setenv("PATH", "", 1) == 0;
}

static bool bind_now(void)
{
	return setenv("LD_BIND_NOW", "1", 1) == 0 && set_variables();
}

static bool unset_variables(void)
{
	return unsetenv("PATH") == 0 && unsetenv("BEGET_NEW") == 0;
}

static bool clear_environment(void)
{
	return clearenv() == 0;
}

static bool own_environment(void)
{
	static char *own[] = {"Z=1", "A=1", "A=2", "neither", "", "=", "EMPTY=", "Z=2", NULL};

	environ = own;
	return true;
}

static bool other_order(void)
{
	static char *own[] = {"Z=1", "A=2", "A=1", "neither", "", "=", "EMPTY=", "Z=2", NULL};

	environ = own;
	return true;
}

static bool edit_in_place(void)
{
	static char value[] = "Z=9", *own[] = {"A=1", value, NULL};

	environ = own;
	value[2] = value[2] == '9' ? '1' : '9';
	return true;
}

static bool no_environment(void)
{
	environ = NULL;
	return true;
}

/* The umask, which a thread can have for itself. */

static const char *mode_mask(void)
{
	char line[100];
	FILE *f = fopen("/proc/thread-self/status", "re");

	text[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Umask:", 6) == 0)
			add("%s", line);
	if (f)
		fclose(f);
	return text;
}

static bool set_mode_mask(void)
{
	return unshare(CLONE_FS) == 0 && umask(0157) != 0157;
}

/* Signals. */

static const char *signal_mask(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	text[0] = '\0';
	for (int n = 1; n < NSIG; n++)
		add("%d", sigismember(&mask, n) == 1);
	return text;
}

static bool block_some(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGRTMIN + 2);
	return pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0;
}

static bool block_all(void)
{
	sigset_t mask;

	sigfillset(&mask);
	return pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0;
}

/* A handler of the caller becomes the default in the child. */
static const char *dispositions(void)
{
	bool caller = beget_start_method() < 0;
	struct sigaction action;

	text[0] = '\0';
	for (int n = 1; n < NSIG; n++) {
		if (n == SIGSEGV || n == SIGBUS || n == SIGFPE || n == SIGILL || n == SIGABRT || n == SIGSYS)
			continue; /* a sanitizer's, cmocka's */
		if (sigaction(n, NULL, &action) < 0)
			add("?");
		else if (action.sa_handler == SIG_IGN)
			add("i");
		else
			add(action.sa_handler == SIG_DFL || caller ? "." : "h");
	}
	return text;
}

static void handler(int n)
{
	(void)n;
}

static bool set_signals(void (*a)(int), void (*b)(int))
{
	return signal(SIGCHLD, a) != SIG_ERR && signal(SIGUSR1, a) != SIG_ERR && signal(SIGRTMIN + 3, a) != SIG_ERR &&
	       signal(SIGPIPE, b) != SIG_ERR && signal(SIGTERM, b) != SIG_ERR && signal(SIGRTMAX, b) != SIG_ERR;
}

static bool ignore_a(void)
{
	return set_signals(SIG_IGN, SIG_DFL);
}

static bool ignore_b(void)
{
	return set_signals(SIG_DFL, SIG_IGN);
}

static bool handle_a(void)
{
	return set_signals(handler, SIG_IGN);
}

/* Process group. */

static const char *group(void)
{
	snprintf(text, sizeof(text), "%d in %d", (int)getpgrp(), (int)getsid(0));
	return text;
}

static bool found_group(void)
{
	return setpgid(0, 0) == 0;
}

static bool join_group(void)
{
	return setpgid(0, getpgid(getppid())) == 0;
}

/* Standard streams. */

static const char *streams(void)
{
	struct stat st;

	text[0] = '\0';
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) == 0)
			add("%lx:%lx %x at %ld, ", (unsigned long)st.st_dev, (unsigned long)st.st_ino,
			    (unsigned)fcntl(fd, F_GETFL), (long)lseek(fd, 0, SEEK_CUR));
		else
			add("closed, ");
	return text;
}

static bool redirect(int fd, const char *name, int offset)
{
	int file = open(scratch_path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool done = file > 2 && lseek(file, offset, SEEK_SET) == offset && dup2(file, fd) == fd;

	close(file);
	return done;
}

static bool redirect_all(void)
{
	return redirect(0, "in", 5) && redirect(1, "out", 15) && redirect(2, "err", 25);
}

static bool redirect_until_exec(void)
{
	return redirect_all() && fcntl(1, F_SETFD, FD_CLOEXEC) == 0;
}

static bool redirect_out(void)
{
	return redirect(1, "other", 77);
}

static bool seek(void)
{
	return lseek(0, 1000, SEEK_SET) == 1000;
}

static bool swap_out_and_err(void)
{
	int out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	bool done = out > 2 && dup2(2, 1) == 1 && dup2(out, 2) == 2;

	close(out);
	return done;
}

static bool close_in(void)
{
	return close(0) == 0;
}

static bool close_out(void)
{
	return close(1) == 0;
}

static bool close_err(void)
{
	return close(2) == 0;
}

static bool close_all(void)
{
	return close_in() && close_out() && close_err();
}

static bool reopen_all(void)
{
	int in = open(scratch_path("in"), O_RDWR), out = dup(in), err = dup(in);

	return in == 0 && out == 1 && err == 2;
}

static bool prepare_closed(void)
{
	return redirect_all() && close_all();
}

static const char *writes(void)
{
	return write(1, "x", 1) == 1 ? "x" : strerror(errno);
}

static void offset_is_shared(int unused)
{
	(void)unused;
	redirect_all();
	for (int m = 0; m < 3; m++) {
		ask((enum beget_method)m, 0, BEGET_CALL(writes));
		if (lseek(1, 0, SEEK_CUR) != 16 + m)
			GIVE_UP("method %d: the offset is %ld", m, (long)lseek(1, 0, SEEK_CUR));
	}
}

static void one_offset_for_all(void)
{
	assert_true(in_copy(offset_is_shared, 0));
}

/* Streams in the options that are each other's numbers, or the same. */

static const char *close_on_exec(void)
{
	return fcntl(1, F_GETFD) == 0 ? "no" : "yes";
}

static void wish_own_streams(int unused)
{
	(void)unused;
	redirect_until_exec();
	char *before = kept(streams());
	swap_out_and_err();
	char *swapped = kept(streams());
	swap_out_and_err();
	fcntl(1, F_SETFD, FD_CLOEXEC);
	for (int m = 0; m < 3; m++) {
		enum beget_method method = (enum beget_method)m;
		expect_text(
			"swapped", "by wish", "child", swapped,
			ask_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FD(2), .err = BEGET_STREAM_FD(1)),
		                 BEGET_CALL(streams)));
		expect_text("swapped", "by wish", "caller", before, streams());
		expect_text("close-on-exec", "by wish", "child", "no",
		            ask_with(BEGET_OPTIONS(.method = method, .out = BEGET_STREAM_FD(1)),
		                     BEGET_CALL(close_on_exec)));
	}
}

static void own_streams_wished(void)
{
	assert_true(in_copy(wish_own_streams, 0));
}

static const struct piece pieces[] = {
	{"another directory", directory, enter_a, enter_b, BY_THREAD},
	{"removed directory", directory, enter_a, enter_removed, ORDINARY},
	{"renamed directory", directory, enter_a, rename_a, AS_OF_NOW},
	{"directory of the old name", directory, enter_a, recreate_a, NOT_AS_LAUNCHED},
	{"directory in another mount", directory, mount_b_on_a, enter_b, ORDINARY},
	{"variables set", environment, NULL, set_variables, ORDINARY},
	{"variables unset", environment, bind_now, unset_variables, ORDINARY},
	{"environment cleared", environment, NULL, clear_environment, ORDINARY},
	{"environment of its own", environment, NULL, own_environment, ORDINARY},
	{"environment in another order", environment, own_environment, other_order, ORDINARY},
	{"environment edited in place", environment, edit_in_place, edit_in_place, ORDINARY},
	{"environment gone", environment, NULL, no_environment, ORDINARY},
	{"environment come", environment, no_environment, own_environment, ORDINARY},
	{"umask", mode_mask, NULL, set_mode_mask, BY_THREAD},
	{"some signals blocked", signal_mask, NULL, block_some, BY_THREAD},
	{"all signals blocked", signal_mask, NULL, block_all, BY_THREAD},
	{"fewer signals blocked", signal_mask, block_all, block_some, BY_THREAD},
	{"signals ignored", dispositions, NULL, ignore_a, ORDINARY},
	{"other signals ignored", dispositions, ignore_a, ignore_b, ORDINARY},
	{"no signals ignored", dispositions, ignore_b, ignore_a, ORDINARY},
	{"signals handled", dispositions, ignore_a, handle_a, NOT_BY_FORK},
	{"process group of its own", group, NULL, found_group, ORDINARY},
	{"process group of others", group, found_group, join_group, NOT_AS_LAUNCHED},
	{"standard output redirected", streams, redirect_all, redirect_out, AS_OF_NOW},
	{"standard output close-on-exec", streams, redirect_until_exec, seek, AS_OF_NOW},
	{"standard streams swapped", streams, redirect_all, swap_out_and_err, AS_OF_NOW},
	{"standard input closed", streams, redirect_all, close_in, AS_OF_NOW},
	{"standard output closed", streams, redirect_all, close_out, AS_OF_NOW},
	{"standard error closed", streams, redirect_all, close_err, AS_OF_NOW},
	{"standard streams closed", streams, redirect_all, close_all, AS_OF_NOW},
	{"standard streams reopened", streams, prepare_closed, reopen_all, AS_OF_NOW},
	{"unsearchable directory", directory, be_anybody, sit_in_a, REBIRTH},
	{"another unsearchable directory", directory, sit_in_a, sit_in_b, REBIRTH},
	{"out of an unsearchable directory", directory, sit_in_a, open_a, ORDINARY},
};

static const struct piece *piece_at(int index)
{
	return &pieces[index];
}

int main(int argc, char **argv)
{
	static const struct unit more[] = {UNIT(one_offset_for_all), UNIT(own_streams_wished)};

	beget_init(argc, argv);
	return run_matrix(sizeof(pieces) / sizeof(*pieces), more, 2);
}
