/* Every system call and allocation of the library fails in turn, at its first, second, third use, in the caller, the
 * helper and the children. Each time, the start returns a documented code with a sentence, or has a true outcome;
 * nothing leaks, nothing hangs, and the next start works. Then whole features of the kernel are disabled. */
#include "harness.h"
#include "plan.h"
#include "caller/spare.h"
#include "os/fail.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A target that reports that it has run and returns its argument. */
static struct beget_bytes echo(struct beget_fd said, struct beget_bytes bytes)
{
	if (write(said.fd, "r", 1) != 1)
		_exit(77);
	return bytes;
}

/* A target with every argument that refers to something in the child or is copied back. */
struct point {
	int x;
	double y;
};
#define POINT BEGET_LAYOUT(struct point, BEGET_MEMBER(struct point, x), BEGET_MEMBER(struct point, y))

static int add(int a, int b)
{
	return a + b;
}

static struct beget_buffer *work(struct beget_fd said, unsigned char *out, size_t n, int *inout, struct point p,
                                 int (*f)(int, int), struct beget_buffer *b)
{
	if (write(said.fd, "r", 1) != 1)
		_exit(77);
	memset(out, 'o', n);
	*inout = f(*inout, p.x + (int)p.y);
	((char *)beget_buffer_data(b))[0] = 'b';
	return b;
}

/* A way to start. */
struct way {
	enum beget_method method;
	bool rich;   /* with all options that open something */
	bool full;   /* every kind of argument */
	size_t size; /* of argument and result */
	bool cold;   /* the helper must be launched */
	bool tree;   /* with a monitor */
};

struct round {
	int error, joined;
	struct beget_status status;
	char text[400];
	bool ran, answered, untouched, torn;
	int inout;
};

static char bytes[100000];
static unsigned char out[100000];
static struct beget_buffer *buffer;
static char *const environment[] = {"FAULT=none", NULL};

static int start_one(const struct way *way, struct beget_process **p, struct round *r, int said, int ends[2])
{
	struct point point = {2, 3};

	struct beget_options plain = {.size = sizeof(plain), .method = way->method};
	struct beget_options rich = {
		.size = sizeof(rich),
		.method = way->method,
		.flags = BEGET_TIED | BEGET_NEW_GROUP | BEGET_CLOSE_FDS,
		.name = "rich",
		.cwd = "/",
		.env = environment,
		.in = BEGET_STREAM_PIPE(&ends[0]),
		.out = BEGET_STREAM_PIPE(&ends[1]),
		.err = BEGET_STREAM_NULL,
	};

	if (way->tree) {
		plain.flags = BEGET_TREE;
		plain.limit_ms = 60000;
	}
	if (way->full)
		return beget_start(p, &plain,
		                   BEGET_CALL(work, BEGET_FD(said), BEGET_OUT(out, way->size), way->size,
		                              BEGET_INOUT(&r->inout), BEGET_STRUCT(POINT, point), add, buffer));
	return beget_start(p, way->rich ? &rich : &plain,
	                   BEGET_CALL(echo, BEGET_FD(said), BEGET_BYTES(bytes, way->size)));
}

static void finish_one(const struct way *way, struct beget_process *p, struct round *r)
{
	struct beget_bytes result;
	struct beget_buffer *same;

	r->joined = beget_join(p, 5000, &r->status);
	beget_describe(p, r->text, sizeof(r->text));
	if (way->full)
		r->answered =
			beget_result(p, &same) == 0 && ((char *)beget_buffer_data(same))[0] == 'b' && r->inout == 12;
	else
		r->answered = beget_result(p, &result) == 0 && result.size == way->size &&
		              memcmp(result.data, bytes, way->size) == 0;
	beget_free(p);
}

static void one_round(const struct way *way, struct round *r)
{
	struct beget_process *const untouched = (void *)&plan, *p = untouched;
	int said[2], ends[2] = {-7, -7};
	char c;

	memset(r, 0, sizeof(*r));
	r->inout = 7;
	memset(out, 1, sizeof(out));
	if (way->full)
		((char *)beget_buffer_data(buffer))[0] = 'a';
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	beget__fail(EXDEV, "stale");
	r->error = start_one(way, &p, r, said[1], ends);
	if (r->error) {
		snprintf(r->text, sizeof(r->text), "%s", beget_error());
		r->untouched = p == untouched && ends[0] == -7 && ends[1] == -7;
	} else {
		finish_one(way, p, r);
		for (int i = 0; i < 2 && way->rich; i++)
			close(ends[i]);
	}
	/* Outputs are copied back completely or not at all. */
	unsigned char each = out[0];
	r->torn = each != (r->inout == 12 ? 'o' : 1) || (way->full ? r->inout != 12 && r->inout != 7 : each != 1) ||
	          (way->full && memcmp(out, out + 1, way->size - 1) != 0) || out[way->full ? way->size : 0] == 'o';
	close(said[1]);
	r->ran = read(said[0], &c, 1) == 1;
	close(said[0]);
}

/* The codes that beget_start(3) documents. */
static bool may_be_returned(int error)
{
	static const int codes[] = {EINVAL, EBADF,  ENOENT, ENOTDIR, EACCES, EDEADLK,    EPERM,
	                            EMFILE, ENFILE, ENOMEM, EAGAIN,  ESTALE, ECONNRESET, EOPNOTSUPP};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (error == -codes[i])
			return true;
	return false;
}

static bool may_be_outcome(int error)
{
	static const int codes[] = {ENOENT,  ESTALE, EMFILE, ENFILE, ENOMEM,     EAGAIN,
	                            EDEADLK, EACCES, EPERM,  EINVAL, ECONNRESET, EBADMSG};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (error == -codes[i])
			return true;
	return false;
}

static const char *wrong(const struct round *r, bool hit)
{
	if (r->torn)
		return "what comes back is torn";
	if (r->error)
		return !hit                                                 ? "an error"
		       : !may_be_returned(r->error)                         ? "undocumented"
		       : r->ran                                             ? "it ran"
		       : !r->untouched                                      ? "outputs are touched"
		       : strstr(r->text, "stale") || !strstr(r->text, ": ") ? "no sentence"
		                                                            : NULL;
	if (r->joined)
		return "join";
	if (r->status.outcome == BEGET_EXITED)
		return r->status.code ? "code" : !r->ran ? "it did not run" : !r->answered && !hit ? "no result" : NULL;
	if (r->status.outcome == BEGET_FAILED && hit)
		return !may_be_outcome(r->status.code) ? "undocumented" : r->ran ? "it ran" : NULL;
	return "outcome";
}

static void expect_healthy(const struct way *way)
{
	struct round r;

	one_round(way, &r);
	const char *what = wrong(&r, false);
	if (what)
		fail_msg("afterwards: %s: %s", what, r.text);
}

/* The n-th call fails, for n = 1, 2, ... until none failed. */
static void sweep(const char *role, const struct way *way, const char *call, int error)
{
	char name[40];
	struct round r;

	snprintf(name, sizeof(name), " %s ", call);
	for (int n = 1, hits = 1; hits; n++) {
		if (way->cold)
			no_helper();
		int before = count_descriptors();
		assert_int_equal(chdir(n % 2 ? "/" : "/tmp"), 0); /* not the directory in which the helper was born */
		arm(role, name, n, error);
		one_round(way, &r);
		hits = disarm();
		const char *what = wrong(&r, hits);
		if (what)
			fail_msg("%s %d of the %s: %s: %s; error %d, outcome %d, code %d: %s", call, n, role,
			         strerror(error), what, r.error, (int)r.status.outcome, r.status.code, r.text);
		expect_healthy(way);
		if (!way->cold && count_descriptors() != before)
			fail_msg("%s %d of the %s: %s: %d descriptors, not %d", call, n, role, strerror(error),
			         count_descriptors(), before);
		assert_true(n < 200);
	}
}

struct failure {
	const char *call;
	int errors[6];
};

static void sweep_all(const char *role, const struct way *way, const struct failure *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (const int *error = table[i].errors; *error; error++)
			sweep(role, way, table[i].call, *error);
}

static const struct failure in_caller[] = {
	{"alloc", {ENOMEM}},
	{"socketpair", {EMFILE, ENFILE, ENOMEM}},
	{"pipe", {EMFILE, ENFILE}},
	{"open", {EMFILE, ENFILE, ENOMEM, ENOENT, EACCES}},
	{"dup", {EMFILE}},
	{"close_range", {ENOSYS, EPERM}},
	{"sendmsg", {ENOMEM, EMFILE}},
	{"sendmsg_fds", {ETOOMANYREFS}},
	{"recvmsg", {ENOMEM}},
	{"poll", {ENOMEM, EINTR}},
	{"memfd_create", {EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM}},
	{"writev", {ENOSPC, ENOMEM}},
	{"mmap", {ENOMEM}},
	{"fork", {EAGAIN, ENOMEM}},
	{"clone", {EAGAIN, ENOMEM}},
	{"clone_pidfd", {EAGAIN, EMFILE, ENOMEM, EINVAL, EPERM}},
	{"pidfd_open", {EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM}},
	{"waitid_pidfd", {EINVAL, ENOSYS, EPERM}},
	{"waitid", {EINTR}},
	{"pidfd_info", {ENOTTY, EINVAL, EPERM}},
	{"zombie", {ENOENT}},
};

static void caller(enum beget_method method, bool cold)
{
	struct way way = {.method = method, .cold = cold};

	for (int i = 0; i < 5; i++) {
		way.size = i == 1 || i == 4 ? sizeof(bytes) - 1 : 10;
		way.rich = i == 2;
		way.full = i > 2;
		sweep_all("caller", &way, in_caller, sizeof(in_caller) / sizeof(*in_caller));
	}
}

static void caller_of_fork(void)
{
	caller(BEGET_FORK, false);
}

static void caller_of_spawn(void)
{
	caller(BEGET_SPAWN, false);
}

static void caller_of_forkserver(void)
{
	caller(BEGET_FORKSERVER, false);
}

static void caller_that_launches_the_helper(void)
{
	caller(BEGET_FORKSERVER, true);
}

/* Each helper ends when it is used: others are launched, until the start gives up. */
static void a_helper_that_never_lasts(void)
{
	struct way way = {.method = BEGET_FORKSERVER, .size = 10};
	struct round r;

	arm("caller", " sendmsg ", 1, EPIPE);
	one_round(&way, &r);
	assert_int_equal(disarm(), 1);
	assert_null(wrong(&r, false));
	arm("caller", " sendmsg ", 0, EPIPE);
	one_round(&way, &r);
	disarm();
	assert_int_equal(r.error, -ECONNRESET);
	expect_healthy(&way);
}

static const struct failure in_helper[] = {
	{"alloc", {ENOMEM}},   {"dup", {EMFILE}},         {"close_range", {ENOSYS}},  {"sendmsg", {ENOMEM}},
	{"recvmsg", {ENOMEM}}, {"poll", {ENOMEM, EINTR}}, {"fork", {EAGAIN, ENOMEM}}, {"pidfd_open", {EMFILE, ENOSYS}},
};

static const struct failure in_child[] = {
	{"alloc", {ENOMEM}},       {"open", {EMFILE, ENFILE, EACCES}}, {"dup", {EMFILE}},
	{"close_range", {ENOSYS}}, {"sendmsg", {ENOMEM, EMFILE}},      {"sendmsg_fds", {ETOOMANYREFS}},
	{"recvmsg", {ENOMEM}},     {"memfd_create", {EMFILE, ENOSYS}}, {"writev", {ENOSPC}},
	{"mmap", {ENOMEM}},        {"pidfd_open", {EMFILE, ENOSYS}},
};

static void helper(void)
{
	born_with_faults();
	for (int i = 0; i < 2; i++) {
		struct way way = {.method = BEGET_FORKSERVER, .size = 10, .cold = i};
		sweep_all("helper", &way, in_helper, sizeof(in_helper) / sizeof(*in_helper));
	}
	/* and the helper is never replaced */
	pid_t first = helper_pid();
	struct way way = {.method = BEGET_FORKSERVER, .size = 10};
	sweep_all("helper", &way, in_helper, sizeof(in_helper) / sizeof(*in_helper));
	assert_int_equal(helper_pid(), first);
	born_without();
}

static int prepared;

static int prepare(int value)
{
	prepared = value;
	return 0;
}

static int model_plus(int plus)
{
	return prepared + plus;
}

static int open_server(struct beget_server **s)
{
	return beget_server_open(
		s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prepare, 40), .spares = 2, .spawn_spares = 1));
}

/* The n-th call of the helper fails while a server is prepared and its spares are requested: open fails, or the server
 * serves. */
static void server_with_faults(const char *call, int error)
{
	char name[40];

	snprintf(name, sizeof(name), " %s ", call);
	for (int n = 1, hits = 1; hits; n++) {
		struct beget_server *s = NULL;
		int before = count_descriptors();
		arm("helper", name, n, error);
		int failed = open_server(&s);
		for (int i = 0; i < 4 && !failed; i++) { /* with and without a spare */
			struct beget_process *p;
			struct beget_status status;
			assert_int_equal(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(model_plus, i)), 0);
			assert_int_equal(beget_join(p, 5000, &status), 0);
			if (status.outcome != BEGET_EXITED && !may_be_outcome(status.code))
				fail_msg("%s %d: outcome %d, code %d", call, n, (int)status.outcome, status.code);
			beget_free(p);
		}
		hits = disarm();
		if (failed) {
			assert_true(hits && !s && strstr(beget_error(), ": "));
			bool mute = strcmp(call, "sendmsg") == 0 && failed == -ECONNRESET; /* it could not report why */
			if (failed != -error && !mute)
				fail_msg("%s %d, error %d: %d: %s", call, n, error, failed, beget_error());
		} else {
			assert_int_equal(int_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(model_plus, 2)), 42);
			assert_int_equal(s->connection.generation, 1); /* the helper was not replaced */
		}
		beget_server_close(s);
		if (count_descriptors() != before)
			fail_msg("%s %d: %d descriptors, not %d", call, n, count_descriptors(), before);
		assert_true(n < 200);
	}
}

static void helper_of_a_server(void)
{
	born_with_faults();
	for (size_t i = 0; i < sizeof(in_helper) / sizeof(*in_helper); i++)
		for (const int *error = in_helper[i].errors; *error; error++)
			server_with_faults(in_helper[i].call, *error);
	born_without();
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* Too many descriptors are in flight for a moment: the child's pidfd is still received. */
static void born_in_a_crowd(void)
{
	char path[40], name[40] = "";
	struct beget_process *p;

	born_with_faults();
	arm("child", " sendmsg_fds ", 1, ETOOMANYREFS);
	assert_int_equal(beget_start(&p, NULL, BEGET_CALL(wait_for_ever)), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", beget_sentinel(p));
	assert_true(readlink(path, name, sizeof(name) - 1) > 0);
	assert_int_equal(disarm(), 1);
	assert_non_null(strstr(name, "pidfd"));
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	assert_int_equal(beget_join(p, 5000, NULL), 0);
	beget_free(p);
	born_without();
}

static void children(enum beget_method method)
{
	struct way way = {.method = method};

	born_with_faults();
	for (int i = 0; i < 5; i++) {
		way.size = i == 1 || i == 4 ? sizeof(bytes) - 1 : 10;
		way.rich = i == 2;
		way.full = i > 2;
		sweep_all("child", &way, in_child, sizeof(in_child) / sizeof(*in_child));
	}
	born_without();
}

static void children_of_fork(void)
{
	children(BEGET_FORK);
}

static void children_of_spawn(void)
{
	children(BEGET_SPAWN);
}

static void children_of_forkserver(void)
{
	children(BEGET_FORKSERVER);
}

/* In the process that becomes the monitor, and in the child that it forks. */
static void monitor(void)
{
	static const struct failure table[] = {
		{"alloc", {ENOMEM}},     {"dup", {EMFILE}},  {"signalfd", {EMFILE}},  {"open", {EMFILE, EACCES}},
		{"subreaper", {EINVAL}}, {"fork", {EAGAIN}}, {"pdeathsig", {EINVAL}}, {"pidfd_open", {EMFILE, ENOSYS}},
		{"pread", {ENOMEM}},     {"poll", {ENOMEM}},
	};
	struct way way = {.method = BEGET_FORK, .size = 10, .tree = true};

	sweep_all("child", &way, table, sizeof(table) / sizeof(*table));
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(caller_of_fork),
		UNIT(caller_of_spawn),
		UNIT(caller_of_forkserver),
		UNIT(caller_that_launches_the_helper),
		UNIT(a_helper_that_never_lasts),
		UNIT(helper),
		UNIT(helper_of_a_server),
		UNIT(born_in_a_crowd),
		UNIT(children_of_fork),
		UNIT(children_of_spawn),
		UNIT(children_of_forkserver),
		UNIT(monitor),
	};

	plan_begin(argc, argv);
	if (beget_buffer_create(&buffer, 100) < 0)
		return 1;
	int failed = run_units(table, sizeof(table) / sizeof(*table), 1);
	unlink(plan_file);
	return failed;
}
