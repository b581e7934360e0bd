/* The table of state, within one process: only what differs is written, what was written is applied, and a message that
 * was truncated or made up is an error. */
#include "os/fd.h"
#include "state/birth.h"
#include "state/rows.h"
#include "state/state.h"
#include "fault.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

extern char **environ;

/* A message of state, with its descriptors. */
struct message {
	struct beget__writer w;
	const struct iovec *iov;
	int n, opened;
	int numbers[BEGET_FDS_MAX];
	struct beget__fds fds;
};

static void put(struct message *m, const struct beget__state *now, const struct beget__state *born)
{
	memset(m, 0, sizeof(*m));
	m->fds = (struct beget__fds){m->numbers, 0, BEGET_FDS_MAX};
	assert_int_equal(beget__state_put(&m->w, now, born, &m->fds, &m->opened), 0);
	m->n = beget__bytes_finish(&m->w, &m->iov);
	assert_int_equal(m->n, 1);
}

static int apply(struct message *m, size_t size)
{
	struct beget__reader r = {m->iov->iov_base, 0, size, false};
	char **before = environ;
	static char **given; /* by the last apply */

	int error = beget__state_apply(&r, &m->fds);
	if (!error && r.bad)
		error = -EBADMSG; /* the next read of this message finds the error */
	if (!error)
		assert_int_equal(r.at, r.size);
	if (environ != before) {
		free(given);
		given = environ;
	}
	return error;
}

static void release(struct message *m)
{
	beget__fd_close(&m->opened);
	beget__bytes_free(&m->w);
}

static void expect_same(const struct beget__state *a, const struct beget__state *b)
{
	size_t i = 0;

	assert_int_equal(a->umask, b->umask);
	assert_int_equal(a->ignored, b->ignored);
	assert_int_equal(a->group, b->group);
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->cwd.device, b->cwd.device);
	assert_int_equal(a->cwd.inode, b->cwd.inode);
	assert_memory_equal(&a->mask, &b->mask, sizeof(a->mask));
	for (; a->env && a->env[i] && b->env && b->env[i]; i++)
		assert_string_equal(a->env[i], b->env[i]);
	assert_true((!a->env || !a->env[i]) && (!b->env || !b->env[i]));
}

static void another_umask(void)
{
	umask(umask(0) ^ 0111);
}

static void a_variable_more(void)
{
	setenv("UNIT_STATE", "a value with = and \n", 1);
}

static void no_environment(void)
{
	clearenv();
}

static void another_directory(void)
{
	assert_int_equal(chdir("/proc"), 0);
}

static void a_removed_directory(void)
{
	char name[] = "/tmp/unit_state.XXXXXX";

	assert_non_null(mkdtemp(name));
	assert_int_equal(chdir(name), 0);
	assert_int_equal(rmdir(name), 0);
}

static void a_signal_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void signals_ignored(void)
{
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGRTMAX, SIG_IGN);
}

static void another_group(void)
{
	setpgid(0, 0); /* fails if it is the leader already, which does not matter */
}

/* Reads the kernel's values, except the environment, of which the copy is kept. */
static void read_now(struct beget__state *s)
{
	struct beget__state now;

	beget__state_read(&now);
	assert_int_equal(beget__state_keep(&now, s), 0);
}

/* Writes everything that a process in this state must be sent. */
static void put_all(struct message *m, const struct beget__state *now)
{
	struct beget__state other = *now;

	other.umask ^= 1;
	other.ignored ^= 1;
	other.group ^= 1;
	other.cwd.inode ^= 1;
	other.env = NULL;
	sigdelset(&other.mask, SIGUSR1);
	if (!sigismember(&now->mask, SIGUSR1))
		sigaddset(&other.mask, SIGUSR1);
	put(m, now, &other);
}

static void each_change_there_and_back(void)
{
	static void (*const changes[])(void) = {
		another_umask,       a_variable_more,  no_environment,  another_directory,
		a_removed_directory, a_signal_blocked, signals_ignored, another_group,
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct beget__state before, now, then;
		struct message there, back;
		read_now(&before);
		put_all(&back, &before);
		changes[i]();
		read_now(&now);
		put(&there, &now, &before);
		assert_int_equal(apply(&back, back.iov->iov_len), 0);
		read_now(&then);
		expect_same(&then, &before);
		beget__state_free(&then);
		assert_int_equal(apply(&there, there.iov->iov_len), 0);
		read_now(&then);
		expect_same(&then, &now);
		beget__state_free(&then);
		assert_int_equal(apply(&back, back.iov->iov_len), 0);
		/* these strings are in the message */
		assert_int_equal(clearenv(), 0);
		for (char **e = before.env; *e; e++) {
			char name[256];
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
			setenv(name, strchr(*e, '=') + 1, 1);
		}
		release(&there);
		release(&back);
		beget__state_free(&now);
		beget__state_free(&before);
	}
}

static uint32_t rows_of(const struct beget__state *now, const struct beget__state *born)
{
	struct message m;
	uint32_t which;

	put(&m, now, born);
	memcpy(&which, m.iov->iov_base, sizeof(which));
	if (!which)
		assert_int_equal(m.iov->iov_len, sizeof(which));
	release(&m);
	return which;
}

static void only_what_differs(void)
{
	struct beget__state now, born;

	beget__state_read(&now);
	assert_int_equal(rows_of(&now, &now), 0);
	born = now;
	born.umask ^= 1;
	uint32_t one = rows_of(&now, &born);
	assert_int_equal(one & (one - 1), 0);
	born.ignored ^= 2;
	assert_int_equal(__builtin_popcount(rows_of(&now, &born)), 2);
	born.cwd.inode++;
	born.group++;
	born.env = NULL;
	assert_int_equal(__builtin_popcount(rows_of(&now, &born)), 5);
}

static void after_exec_only_what_it_takes(void)
{
	struct beget__state now, born;

	beget__state_read(&now);
	beget__state_exec(&now, &born);
	uint32_t all = rows_of(&now, &born);
	/* the mask and, for root, the capabilities */
	assert_int_equal(__builtin_popcount(all), geteuid() == 0 ? 2 : 1);
	beget__state_read_for_exec(&now);
	beget__state_exec(&now, &born);
	assert_int_equal(rows_of(&now, &born), all);
}

static void what_the_helper_has(void)
{
	struct beget__state now, kept, born;
	sigset_t full;

	signals_ignored();
	beget__state_read(&now);
	for (int i = 0; i < 2; i++) {
		signal(i ? SIGPIPE : SIGUSR2, SIG_DFL);
		signal(i ? SIGRTMAX : SIGCHLD, SIG_DFL);
	}
	assert_int_equal(beget__state_keep(&now, &kept), 0);
	beget__state_helper(&kept, &born);
	memset(&full, 0, sizeof(full));
	sigfillset(&full);
	assert_memory_equal(&born.mask, &full, sizeof(full));
	for (int i = 0; i < 3; i++)
		assert_int_equal(born.stream[i], BEGET__AS_IS);
	assert_int_equal(born.group, -1);
	assert_true(born.ignored & UINT64_C(1) << (SIGUSR2 - 1));
	assert_false(born.ignored & UINT64_C(1) << (SIGCHLD - 1)); /* the helper waits for its children */
	setenv("UNIT_STATE", "later", 1);                          /* changes the caller's environment, not the copy */
	beget__state_read(&now);
	assert_true(rows_of(&now, &born) != 0);
	for (char **e = born.env; *e; e++)
		assert_int_not_equal(strncmp(*e, "UNIT_STATE=", 11), 0);
	unsetenv("UNIT_STATE");
	beget__state_free(&kept);
	fault_nth(" alloc ", 1, ENOMEM);
	assert_int_equal(beget__state_keep(&now, &kept), -ENOMEM);
	fault_off();
}

static void beyond_a_helper(void)
{
	struct beget__state now, born;

	beget__state_read(&now);
	born = now;
	assert_null(beget__state_beyond(&now, &born));
	born.umask++;
	born.group++;
	born.cwd.inode++;
	assert_null(beget__state_beyond(&now, &born)); /* all of this can be sent */
	born.session++;
	assert_string_equal(beget__state_beyond(&now, &born), "the session");
}

/* Without /proc the umask and the ignored signals are read in another way. */
static void without_proc(void)
{
	struct beget__state with, without;

	signal(SIGUSR2, SIG_IGN);
	umask(umask(0) ^ 0010);
	beget__state_read(&with);
	fault_every(" open ", ENOENT);
	beget__state_read(&without);
	assert_true(fault_off() > 0);
	expect_same(&with, &without);
	beget__state_read(&without); /* and reading it changed nothing */
	expect_same(&with, &without);
	signal(SIGUSR2, SIG_DFL);
	umask(umask(0) ^ 0010);
}

static void streams(void)
{
	struct beget__state now, born;
	struct message m;
	int in = fcntl(0, F_DUPFD_CLOEXEC, 10), out = fcntl(1, F_DUPFD_CLOEXEC, 10);

	assert_true(in >= 0 && out >= 0);
	beget__state_read(&now);
	born = now;
	for (int i = 0; i < 3; i++)
		born.stream[i] = BEGET__AS_IS;
	close(0); /* closed ones stay closed */
	beget__state_read_streams(&now);
	put(&m, &now, &born);
	assert_int_equal(m.fds.n, 2);
	assert_int_equal(open("/dev/null", O_RDWR), 0);
	for (int i = 0; i < 2; i++) /* as they would arrive: with other numbers */
		m.numbers[i] = fcntl(m.numbers[i], F_DUPFD_CLOEXEC, 10);
	struct beget__identity stdout_ = beget__fd_identity(1);
	assert_int_equal(dup2(0, 1), 1);
	assert_int_equal(apply(&m, m.iov->iov_len), 0);
	bool closed = fcntl(0, F_GETFD) < 0, same = beget__fd_is(1, &stdout_), open_ = fcntl(1, F_GETFD) == 0;
	dup2(in, 0);
	dup2(out, 1);
	close(in);
	close(out);
	for (int i = 0; i < 2; i++)
		beget__fd_close(&m.numbers[i]);
	release(&m);
	assert_true(closed && same && open_);
}

/* Undoes what a test of hostile messages may have changed. */
static void undo(struct message *back)
{
	assert_int_equal(apply(back, back->iov->iov_len), 0);
}

static void cut_anywhere(void)
{
	struct beget__state now;
	struct message m, back;
	char **own = environ;

	beget__state_read(&now);
	put_all(&back, &now);
	put_all(&m, &now);
	for (size_t n = 0; n < m.iov->iov_len; n++) {
		int error = apply(&m, n);
		environ = own;
		if (error != -EBADMSG)
			fail_msg("cut at %zu: %d", n, error);
		assert_true(n < 4 || strstr(beget_error(), "of the caller"));
	}
	undo(&back);
	environ = own;
	release(&m);
	release(&back);
}

static int apply_words(const uint32_t *words, size_t n, struct beget__fds *fds)
{
	struct beget__reader r = {(const char *)words, 0, n * sizeof(*words), false};

	return beget__state_apply(&r, fds);
}

static int row_of(const char *name)
{
	for (int i = 0; i < BEGET__ROWS; i++)
		if (strcmp(beget__rows[i].name, name) == 0)
			return i;
	fail_msg("no row %s", name);
	return 0;
}

/* All lines of the rights, as in /proc. */
static const char *const fields[] = {
	"Uid:\t0\t0\t0\t0\n", "Gid:\t0\t0\t0\t0\n", "Groups:\t5 6 \n",       "CapInh:\t0\n",
	"CapPrm:\t0\n",       "CapEff:\t0\n",       "CapBnd:\t1ff\n",        "CapAmb:\t0\n",
	"NoNewPrivs:\t0\n",   "Seccomp:\t2\n",      "Seccomp_filters:\t1\n",
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

/* Without one of the lines, or truncated within it. */
static void compose(char *status, int without, bool cut)
{
	strcpy(status, "Name:\tx\n");
	for (int i = 0; i < FIELDS; i++)
		if (i != without)
			strcat(status, fields[i]);
	if (cut) {
		strcat(status, fields[without]);
		status[strlen(status) - 1] = '\0';
	}
}

/* For another process there is no other source. */
static void each_field_of_the_credentials(void)
{
	struct beget__state a = {.of = getpid()}, b = a;
	char status[400];

	compose(status, -1, false);
	assert_int_equal(beget__birth_read_credentials(&a, status), 0);
	for (char *c = status; *c; c++) { /* each digit counts */
		if (*c < '0' || *c > '9')
			continue;
		*c ^= 1;
		assert_int_equal(beget__birth_read_credentials(&b, status), 0);
		assert_true(a.credentials != b.credentials);
		*c ^= 1;
	}
	for (int i = 0; i < 2 * FIELDS; i++) {
		compose(status, i / 2, i % 2);
		assert_int_equal(beget__birth_read_credentials(&b, status), -ENODATA);
	}
	/* The kernel lacks the number of filters: it is certain only if there are none. */
	compose(status, FIELDS - 1, false);
	strstr(status, "Seccomp:\t2")[9] = '0';
	assert_int_equal(beget__birth_read_credentials(&b, status), 0);
}

/* Known to be equal only to the state of a process that was launched after the same reading. */
static void expect_unseen(const char *calls, const char *row)
{
	struct beget__state now, other, born;

	fault_every(calls, EACCES);
	assert_int_equal(beget__state_read(&now), 0);
	assert_int_equal(beget__state_read(&other), 0);
	assert_true(fault_off() > 0);
	born = now;
	assert_null(beget__state_beyond(&now, &born));
	assert_string_equal(beget__state_beyond(&other, &born), row);
	uint32_t unseen = 1u << row_of(row);
	assert_true(now.unseen & unseen);
	assert_false(rows_of(&now, &born) & unseen); /* it cannot be sent */
	fault_every(calls, EACCES);
	assert_int_equal(beget__state_read_again(&now), 0);
	fault_off();
	assert_null(beget__state_beyond(&now, &born));
}

static void unseen(void)
{
	expect_unseen(" getsid ", "the session");
	expect_unseen(" readlink ", "the namespaces and root");
	expect_unseen(" statx ", "the namespaces and root");
	expect_unseen(" open getresuid ", "the credentials");
	expect_unseen(" sched_getscheduler ", "the scheduling");
	expect_unseen(" prlimit ", "the resource limits");
	expect_unseen(" getpriority ", "the nice value");
	expect_unseen(" sched_getaffinity ", "the CPU affinity");
}

/* Exec does not preserve it: no child can have it. */
static void unseen_and_lost(void)
{
	static const char *const table[][2] = {
		{" personality open ", "the personality"},
		{" capget ", "the capabilities"},
		{" prctl ", "the dumpable attribute"},
	};
	struct beget__state now;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		fault_every(table[i][0], EACCES);
		assert_int_equal(beget__state_read(&now), -EOPNOTSUPP);
		assert_non_null(strstr(beget_error(), table[i][1]));
		assert_int_equal(beget__state_read_for_exec(&now), -EOPNOTSUPP);
		assert_true(fault_off() > 0);
	}
	fault_every(" getpgrp ", EACCES); /* the helper has another group */
	assert_int_equal(beget__state_read(&now), -EOPNOTSUPP);
	assert_int_equal(beget__state_read_for_exec(&now), 0);
	fault_off();
}

/* A lack of descriptors or memory does not make a value unseen, which would cost a helper. */
static void unread(void)
{
	static const int errors[] = {EMFILE, ENFILE, ENOMEM};
	struct beget__state now;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fault_every(" open ", errors[i]);
		assert_int_equal(beget__state_read(&now), -errors[i]);
		fault_off();
	}
}

/* Two ways to identify the mount. */
static void place_by_descriptor(void)
{
	struct beget__place one, other;

	assert_int_equal(beget__place_read("/proc", &one), 0);
	fault_every(" mount_id ", ENOSYS);
	assert_int_equal(beget__place_read("/proc", &other), 0);
	assert_true(fault_off() > 0);
	assert_memory_equal(&one, &other, sizeof(one));
	fault_every(" mount_id open ", EACCES);
	assert_int_equal(beget__place_read("/proc", &other), -EACCES);
	fault_off();
}

static void rows_that_are_none(void)
{
	struct beget__fds fds = {(int[1]){-1}, 1, 1};

	for (int row = BEGET__ROWS; row < 32; row++)
		assert_int_equal(apply_words((uint32_t[]){1u << row, 0, 0, 0}, 4, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){1u << row_of("the session"), 0, 0, 0}, 4, &fds), -EBADMSG);
}

static void values_that_lie(void)
{
	const uint32_t STREAMS = 1u << row_of("the standard streams"), ENV = 1u << row_of("the environment"),
		       GROUP = 1u << row_of("the process group"), CWD = 1u << row_of("the working directory"),
		       SESSION = 1u << row_of("a session of its own");
	struct beget__fds fds = {(int[1]){-1}, 1, 1};

	assert_int_equal(apply_words((uint32_t[]){ENV, 0xffffffff, 0xffffffff, 0, 0}, 5, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){ENV, 1, 0, 0, 0}, 5, &fds), -EBADMSG); /* a NULL variable */
	assert_int_equal(apply_words((uint32_t[]){ENV, 1, 0, 4, 0, 0x61616161}, 6, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){CWD, 1}, 2, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){CWD, UINT32_MAX}, 2, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){CWD, 0}, 2, &fds), -EMFILE); /* it was lost on the way */
	assert_int_equal(apply_words((uint32_t[]){STREAMS, 1, 0, 0, 0}, 5, &fds), -EMFILE);
	assert_int_equal(apply_words((uint32_t[]){STREAMS, 8, 0, 0, 0}, 5, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){STREAMS, 0, 8, 0, 0}, 5, &fds), -EBADMSG);
	assert_int_equal(apply_words((uint32_t[]){STREAMS, 2, 2, 0, 0}, 5, &fds), -EBADMSG); /* both open and closed */
	assert_int_equal(apply_words((uint32_t[]){STREAMS, 0, 1, 1, 0}, 5, &fds), -EBADMSG); /* no box */
	assert_int_equal(apply_words((uint32_t[]){SESSION, 2}, 2, &fds), -EBADMSG);          /* not a valid bool */
	assert_int_equal(apply_words((uint32_t[]){GROUP, 1}, 2, &fds), -EPERM); /* a group of another session */
	assert_non_null(strstr(beget_error(), "the process group"));
}

/* A message that is bad at its end must not have changed anything before. */
static void all_is_read_before_any_is_taken_over(void)
{
	const uint32_t UMASK = 1u << row_of("the umask"), MASK = 1u << row_of("the signal mask");
	struct beget__fds fds = {NULL, 0, 0};
	mode_t before = umask(077);

	assert_int_equal(apply_words((uint32_t[]){UMASK | MASK, 022, 0, 0}, 4, &fds), -EBADMSG);
	assert_non_null(strstr(beget_error(), "the signal mask"));
	assert_int_equal(umask(before), 077);
}

/* The caller and its group may have ended: there is no group to join, but the child runs. */
static void a_group_that_is_gone(void)
{
	struct beget__fds fds = {NULL, 0, 0};
	pid_t before = getpgrp();

	assert_int_equal(apply_words((uint32_t[]){1u << row_of("the process group"), 0x7fffffff}, 2, &fds), 0);
	assert_int_equal(getpgrp(), getpid());
	assert_int_equal(setpgid(0, before), 0);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(each_change_there_and_back),
		UNIT(only_what_differs),
		UNIT(after_exec_only_what_it_takes),
		UNIT(what_the_helper_has),
		UNIT(beyond_a_helper),
		UNIT(without_proc),
		UNIT(streams),
		UNIT(cut_anywhere),
		UNIT(each_field_of_the_credentials),
		UNIT(unseen),
		UNIT(unseen_and_lost),
		UNIT(unread),
		UNIT(place_by_descriptor),
		UNIT(rows_that_are_none),
		UNIT(values_that_lie),
		UNIT(all_is_read_before_any_is_taken_over),
		UNIT(a_group_that_is_gone),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
