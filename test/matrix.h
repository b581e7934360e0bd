/* The differential matrix of state: a test program provides a table of pieces of state, and each piece is tested with
 * all three methods. Changes are made in a forked copy of the program, so nothing has to be restored. The copy has its
 * own helper and never asserts: it prints what differs to the parent's standard error and exits with 1.
 *
 * With MATRIX_SPARES all starts use a server that keeps spares: server_matrix.c, server_rebirth.c. */
#ifndef MATRIX_H
#define MATRIX_H

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ORDINARY = 0,         /* a child can get it from any helper */
	REBIRTH = 1,          /* a process can only be born with it */
	NO_CHILD = 2,         /* no child has it, with any method */
	NOT_BY_FORK = 4,      /* a forked child has more */
	BY_THREAD = 8,        /* threads of one process can differ in it */
	AS_OF_NOW = 16,       /* the caller's value even with BEGET_SERVER_STATE */
	NOT_AS_LAUNCHED = 32, /* the value at the helper's launch no longer exists */
	UNSEEN = 64, /* a child cannot read all of it from a helper that it did not launch, or that helper cannot read
	              * it from the child; the child then launches its own */
};

struct piece {
	const char *name;
	/* Describes the value; runs in the child, and in the caller for comparison. */
	const char *(*probe)(void);
	bool (*prepare)(void), (*change)(void); /* false: not permitted here; prepare may be NULL */
	unsigned kind;
};

static const struct piece *piece_at(int index); /* from the program's table */

/* A directory for the files of a piece. */
static char scratch[] = "/tmp/beget-state-XXXXXX";

static inline const char *scratch_path(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}

/* The output of probes. */

static char text[1 << 16];

static inline void add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void add(const char *format, ...)
{
	size_t n = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + n, sizeof(text) - n, format, list);
	va_end(list);
}

/* Exit codes of a copy. */

enum { DIFFERS = 1, NOT_PERMITTED = 77 };
static int report = STDERR_FILENO;

#define GIVE_UP(...) (dprintf(report, "# " __VA_ARGS__), dprintf(report, "\n"), _exit(DIFFERS))

/* A copy of a probe's text. */
static char *kept(const char *probed)
{
	char *copy = strdup(probed);

	if (!copy)
		GIVE_UP("no memory");
	return copy;
}

/* Becomes an ordinary user without any capabilities. */
static inline bool be_anybody(void)
{
	if (geteuid() == 0 && (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 65534, 65534, 65534) < 0 ||
	                       syscall(SYS_setresuid, 65534, 65534, 65534) < 0))
		return false;
	return prctl(PR_SET_DUMPABLE, 1UL, 0, 0, 0) == 0;
}

static void expect_text(const char *name, const char *when, const char *who, const char *wanted, const char *got)
{
	size_t same = 0;

	while (wanted[same] && wanted[same] == got[same])
		same++;
	if (!wanted[same] && !got[same])
		return;
	same -= same < 30 ? same : 30;
	GIVE_UP("%s, %s, %s: wanted \"...%.200s\", got \"...%.200s\"", name, when, who, wanted + same, got + same);
}

static char *ask_with(const struct beget_options *options, const struct beget_call *call)
{
	struct beget_process *p;
	const char *result;
	char what[400];

	if (beget_start(&p, options, call) < 0)
		GIVE_UP("start, method %d: %s", (int)options->method, beget_error());
	if (beget_join(p, 10000, NULL) < 0)
		GIVE_UP("join, method %d: %s", (int)options->method, beget_error());
	beget_describe(p, what, sizeof(what));
	if (beget_result(p, &result) < 0 || !result)
		GIVE_UP("result, method %d: %s (%s)", (int)options->method, beget_error(), what);
	char *answer = kept(result);
	beget_free(p);
	return answer;
}

#ifdef MATRIX_SPARES
enum { SPARES = 1 };

/* The server of this copy, after a short wait for its spares. */
static struct beget_server *server(void)
{
	static struct beget_server *s;
	struct beget_server_status status = {0};

	if (!s && beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 2, .spawn_spares = 2)) < 0)
		GIVE_UP("server: %s", beget_error());
	for (int i = 0; i < 20 && (beget_server_status(s, &status) < 0 || status.children < 4); i++)
		sleep_ms(2);
	sleep_ms(2);
	return s;
}
#else
enum { SPARES = 0 };

static struct beget_server *server(void)
{
	return NULL;
}
#endif

static char *ask(enum beget_method method, unsigned flags, const struct beget_call *call)
{
	return ask_with(
		BEGET_OPTIONS(.method = method, .flags = flags, .server = method == BEGET_FORK ? NULL : server()),
		call);
}

/* Targets: the probe's text in this child, after its parent's pid; and the same from a child of this child. */

static char answer_text[1 << 17];

static const char *probed(int index)
{
	snprintf(answer_text, sizeof(answer_text), "%d:%s", (int)getppid(), piece_at(index)->probe());
	return answer_text;
}

static const char *relay(int index)
{
	struct beget_process *p;
	const char *result;

	if (beget_start(&p, NULL, BEGET_CALL(probed, index)) == 0 && beget_join(p, 10000, NULL) == 0 &&
	    beget_result(p, &result) == 0 && result)
		return result;
	snprintf(answer_text, sizeof(answer_text), "0:failed: %s", beget_error());
	return answer_text;
}

/* Returns the text, and the pid before it in *pid. */
static const char *split(char *answer, int *pid)
{
	char *colon = strchr(answer, ':');

	if (!colon)
		GIVE_UP("no answer: %s", answer);
	*pid = atoi(answer);
	return colon + 1;
}

/* Checks that a child with each method, and a child of each of these, reports the wanted text. Returns the helper's
 * pid. */
static int compare(int index, const char *when, const char *wanted, unsigned fork_flags)
{
	static const char *const who[][2] = {
		[BEGET_FORKSERVER] = {"forkserver", "forkserver, child of a child"},
		[BEGET_SPAWN] = {"spawn", "forkserver, child of a spawned child"},
		[BEGET_FORK] = {"fork", "forkserver, child of a forked child"},
	};
	const struct piece *piece = piece_at(index);
	int helper = 0, pid;

	for (int m = 0; m < 3; m++) {
		unsigned flags = m == BEGET_FORK ? fork_flags : 0;
		if (m == BEGET_FORK && piece->kind & NOT_BY_FORK)
			continue;
		char *answer = ask((enum beget_method)m, flags, BEGET_CALL(probed, index));
		expect_text(piece->name, when, who[m][0], wanted, split(answer, &pid));
		free(answer);
		if (m == BEGET_FORKSERVER)
			helper = pid;
		else if (pid != (int)getpid() && !(SPARES && m == BEGET_SPAWN && pid == helper))
			GIVE_UP("%s, %s, %s: the parent is not the caller", piece->name, when, who[m][0]);
		answer = ask((enum beget_method)m, flags, BEGET_CALL(relay, index));
		expect_text(piece->name, when, who[m][1], wanted, split(answer, &pid));
		free(answer);
		if (pid != helper && !(piece->kind & UNSEEN) && !SPARES) /* these use the shared helper */
			GIVE_UP("%s, %s, %s: has a helper of its own", piece->name, when, who[m][1]);
	}
	return helper;
}

static char *prepared(const struct piece *piece)
{
	if (piece->prepare && !piece->prepare())
		_exit(NOT_PERMITTED);
	return kept(piece->probe());
}

static char *changed(const struct piece *piece, const char *before)
{
	if (!piece->change())
		_exit(NOT_PERMITTED);
	char *now = kept(piece->probe());
	if (strcmp(now, before) == 0)
		GIVE_UP("%s: has not changed: %.200s", piece->name, now);
	return now;
}

static void changed_between_starts(int index)
{
	const struct piece *piece = piece_at(index);
	char *before = prepared(piece);
	int helper = compare(index, "before", before, 0), pid;
	char *now = changed(piece, before);

	if (!(piece->kind & (REBIRTH | NO_CHILD | NOT_AS_LAUNCHED))) {
		char *answer = ask(BEGET_FORKSERVER, BEGET_SERVER_STATE, BEGET_CALL(probed, index));
		expect_text(piece->name, "after", "server state", piece->kind & AS_OF_NOW ? now : before,
		            split(answer, &pid));
	}
	const char *wanted = piece->kind & NO_CHILD ? before : now;
	int next = compare(index, "after", wanted, 0);
	if (!(piece->kind & REBIRTH) != (next == helper))
		GIVE_UP("%s: the helper is %s", piece->name, next == helper ? "the same" : "another");
	if (compare(index, "once more", wanted, 0) != next)
		GIVE_UP("%s: every start has a helper of its own", piece->name);
}

/* The helper is born with the change. */
static void changed_before_all(int index)
{
	const struct piece *piece = piece_at(index);
	char *before = prepared(piece), *now = changed(piece, before);

	compare(index, "from the first start on", piece->kind & NO_CHILD ? before : now, 0);
}

struct threads {
	int index;
	const char *before;
};

static void *other_thread(void *data)
{
	const struct threads *t = data;
	const struct piece *piece = piece_at(t->index);
	const char *now = changed(piece, t->before);

	compare(t->index, "in a thread", piece->kind & NO_CHILD ? t->before : now, BEGET_UNSAFE_FORK);
	return NULL;
}

static void changed_in_a_thread(int index)
{
	const struct piece *piece = piece_at(index);
	char *before = prepared(piece);
	struct threads t = {index, before};
	pthread_t thread;

	compare(index, "before", before, 0);
	if (pthread_create(&thread, NULL, other_thread, &t) || pthread_join(thread, NULL))
		GIVE_UP("%s: no thread", piece->name);
	expect_text(piece->name, "after the thread", "caller", before, piece->probe());
	compare(index, "after the thread", before, BEGET_UNSAFE_FORK);
}

/* In the parent. */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

/* Runs the body in a copy. False if it is not permitted here. */
static bool in_copy(void (*body)(int), int index)
{
	int status;

	strcpy(scratch + strlen(scratch) - 6, "XXXXXX");
	assert_non_null(mkdtemp(scratch));
	assert_int_equal(chmod(scratch, 0777), 0);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
		body(index);
		_exit(0);
	}
	bool gone = process_gone(pid, 30000);
	if (!gone)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	nftw(scratch, remove_one, 10, FTW_DEPTH | FTW_PHYS);
	assert_true(gone);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		return false;
	assert_int_equal(status, 0);
	return true;
}

/* One test for each piece, in the order of the table. */
static void next_piece(void)
{
	static int next;
	int index = next++;
	bool permitted = in_copy(changed_between_starts, index) && in_copy(changed_before_all, index);

	if (permitted && piece_at(index)->kind & BY_THREAD)
		permitted = in_copy(changed_in_a_thread, index);
	if (!permitted)
		skip();
}

static int run_matrix(int pieces, const struct unit *more, int n)
{
	if (under_valgrind()) {
		puts("1..1\nok 1 # SKIP valgrind reports a state of its own");
		return 0;
	}
	struct unit *tests = calloc((size_t)(pieces + n), sizeof(*tests));
	if (!tests)
		return 1;
	for (int i = 0; i < pieces; i++)
		tests[i] = (struct unit){piece_at(i)->name, next_piece};
	memcpy(tests + pieces, more, (size_t)n * sizeof(*more));
	int failed = run_units(tests, (size_t)(pieces + n), 1);
	free(tests);
	return failed;
}

#endif
