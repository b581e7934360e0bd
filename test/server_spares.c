/* Warm spares: each is used once, by the next start, with the state of that moment; they are created again in the
 * background, and discarded when they die, when their server ends and when the caller ends. A child reports when it was
 * born, and a spare was born before its start. */
#include "fault.h"
#include "os/fd.h"
#include "servers.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Lists the children of a process, at most n, and returns their number. */
static int children_of(pid_t pid, pid_t *ret, int n)
{
	char path[60];
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *f = fopen(path, "re");
	while (f && found < n && fscanf(f, "%d", &ret[found]) == 1)
		found++;
	if (f)
		fclose(f);
	return found;
}

static char state_of(pid_t pid)
{
	char path[40], text[300] = "", state = '-';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f) && strrchr(text, ')'))
		state = strrchr(text, ')')[2];
	if (f)
		fclose(f);
	return state;
}

static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGSTOP), 0);
	for (int64_t end = now_ms() + SOON_MS; state_of(pid) != 'T' && now_ms() < end;)
		sleep_ms(1);
}

static void nothing(void)
{
}

/* Waits until it has n spares that wait for their calls. */
static void await_spares(struct beget_server *s, int n)
{
	struct beget_server_status status;
	pid_t pids[200];

	for (int64_t end = now_ms() + SOON_MS; now_ms() < end; sleep_ms(2)) {
		int waiting = 0;
		/* Spares are requested when it is freed. */
		expect_exit(start(BEGET_FORKSERVER, BEGET_CALL(nothing)), 0);
		status = status_of(s);
		int born = children_of(status.pid, pids, 200);
		for (int i = 0; i < born; i++)
			waiting += state_of(pids[i]) == 'S';
		if ((int)status.spares == n && waiting == n && (int)status.children == n) {
			sleep_ms(2);
			return;
		}
	}
	fail_msg("%u spares, %u children, not %d", status.spares, status.children, n);
}

static const struct beget_options *by(enum beget_method method, struct beget_server *s)
{
	static struct beget_options o;

	o = (struct beget_options){.size = sizeof(o), .method = method, .server = s};
	return &o;
}

static const struct beget_server_options *keeping(enum beget_method method, unsigned n)
{
	static struct beget_server_options o;

	o = (struct beget_server_options){
		.size = sizeof(o),
		.spares = method == BEGET_FORKSERVER ? n : 0,
		.spawn_spares = method == BEGET_SPAWN ? n : 0,
	};
	return &o;
}

static int own_pid(void)
{
	return (int)getpid();
}

static int add(int a, int b)
{
	return a + b;
}

static bool among(pid_t pid, const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Each start takes one that existed, and no two the same. */
static void used_once(enum beget_method method)
{
	enum { N = 3, ROUNDS = 10 };
	struct beget_server *s = open_server(keeping(method, N));
	pid_t before[N + 1], used[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		await_spares(s, N);
		assert_int_equal(children_of(status_of(s).pid, before, N + 1), N);
		used[i] = int_result_with(by(method, s), BEGET_CALL(own_pid));
		assert_true(among(used[i], before, N));
		assert_false(among(used[i], used, i));
	}
	beget_server_close(s);
}

/* Starts with the other method do not take them. */
static void each_for_its_method(enum beget_method method)
{
	enum beget_method other = method == BEGET_SPAWN ? BEGET_FORKSERVER : BEGET_SPAWN;
	struct beget_server *s = open_server(keeping(other, 2));
	pid_t before[3];

	await_spares(s, 2);
	children_of(status_of(s).pid, before, 3);
	for (int i = 0; i < 3; i++)
		assert_false(among(int_result_with(by(method, s), BEGET_CALL(own_pid)), before, 2));
	assert_int_equal(status_of(s).spares, 2);
	beget_server_close(s);
}

/* A spare also provides what the options ask for. */

static const char *wishes(struct beget_fd fd)
{
	static char text[400];
	char name[20] = "", cwd[200];
	FILE *f = fopen("/proc/self/comm", "re");

	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%s in %s, A=%s, PATH=%s, group %s, passed %s", name, getcwd(cwd, sizeof(cwd)),
	         getenv("A"), getenv("PATH"), getpgrp() == getpid() ? "own" : "the caller's",
	         fcntl(fd.fd, F_GETFD) >= 0 ? "open" : "closed");
	printf("out");
	return text;
}

static void wished(enum beget_method method)
{
	char *const env[] = {"A=1", NULL}, text[4] = "";
	struct beget_server *s = open_server(keeping(method, 1));
	const char *result;
	int end;

	for (int i = 0; i < 3; i++) {
		await_spares(s, 1);
		struct beget_options o = *by(method, s);
		o.name = "wisher";
		o.cwd = "/proc";
		o.env = i == 1 ? NULL : env;
		o.flags = BEGET_NEW_GROUP;
		o.out = BEGET_STREAM_PIPE(&end);
		struct beget_process *p = start_with(&o, BEGET_CALL(wishes, BEGET_FD(0)));
		assert_int_equal(read(end, (char *)text, 3), 3);
		assert_string_equal(text, "out");
		assert_int_equal(beget_join(p, SOON_MS, NULL), 0);
		assert_int_equal(beget_result(p, &result), 0);
		if (i != 1)
			assert_string_equal(result, "wisher in /proc, A=1, PATH=(null), group own, passed open");
		else
			assert_non_null(strstr(result, "wisher in /proc, A=(null), PATH=/"));
		beget_free(p);
		close(end);
	}
	beget_server_close(s);
}

/* If the environment differs from that at the server's launch, spawn uses no spare, because constructors have seen the
 * old one. */
static int seen_early = -1;

__attribute__((constructor)) static void look_early(void)
{
	seen_early = getenv("SPARE_SEES") ? atoi(getenv("SPARE_SEES")) : 0;
}

static int early(void)
{
	return seen_early;
}

static void constructors_see_the_environment_of_now(void)
{
	struct beget_server *s = open_server(keeping(BEGET_SPAWN, 1));

	for (int i = 0; i < 4; i++) {
		char value[10];
		sleep_ms(10);
		snprintf(value, sizeof(value), "%d", i);
		setenv("SPARE_SEES", value, 1);
		assert_int_equal(int_result_with(by(BEGET_SPAWN, s), BEGET_CALL(early)), i);
	}
	unsetenv("SPARE_SEES");
	await_spares(s, 1);
	beget_server_close(s);
}

/* A state that a process can only be born with: an ordinary start. */
static int no_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static enum beget_method host_method;

static void gain_nothing(void)
{
	struct beget_server *s;
	struct beget_process *p;
	int answer = 0;

	CHECK(beget_server_open(&s, keeping(host_method, 2)) == 0);
	sleep_ms(50);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0, 0, 0) == 0);
	CHECK(beget_start(&p, by(host_method, s), BEGET_CALL(no_new_privileges)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0 && beget_result(p, &answer) == 0 && answer == 1);
	beget_free(p);
	beget_server_close(s);
}

static void a_state_beyond_them(enum beget_method method)
{
	host_method = method;
	run_host(gain_nothing);
}

/* A burst is larger than the pool: further starts are ordinary ones, and the pool fills again. */
static void burst(enum beget_method method)
{
	enum { N = 50 };
	struct beget_server *s = open_server(keeping(method, 2));
	struct beget_process *p[N];
	int sum;

	await_spares(s, 2);
	for (int i = 0; i < N; i++)
		p[i] = start_with(by(method, s), BEGET_CALL(add, i, 1000));
	for (int i = 0; i < N; i++) {
		assert_int_equal(beget_join(p[i], 10000, NULL), 0);
		assert_int_equal(beget_result(p[i], &sum), 0);
		assert_int_equal(sum, 1000 + i);
		beget_free(p[i]);
	}
	await_spares(s, 2);
	beget_server_close(s);
}

/* A spare that was requested before a start is created after it. */
static void starts_come_first(void)
{
	enum { N = 4, FAR = 10000 };
	struct beget_server *s = open_server(keeping(BEGET_FORKSERVER, N));
	struct beget_process *before[N];
	pid_t helper = status_of(s).pid, spares[N];
	int pid;

	await_spares(s, N);
	for (int i = 0; i < N; i++)
		before[i] = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing));
	for (int i = 0; i < N; i++)
		assert_int_equal(beget_join(before[i], SOON_MS, NULL), 0);
	stop(helper);
	for (int i = 0; i < N; i++) /* then they are requested */
		beget_free(before[i]);
	struct beget_process *p = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(own_pid));
	assert_int_equal(kill(helper, SIGCONT), 0);
	assert_int_equal(beget_join(p, SOON_MS, NULL), 0);
	assert_int_equal(beget_result(p, &pid), 0);
	beget_free(p);
	await_spares(s, N);
	assert_int_equal(children_of(helper, spares, N), N);
	for (int i = 0; i < N; i++)
		assert_true(spares[i] > pid || pid - spares[i] > FAR); /* pids wrap around */
	beget_server_close(s);
}

/* The maximum number. */
static void many(void)
{
	int before = count_descriptors();
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 64, .spawn_spares = 64));

	await_spares(s, 128);
	assert_true(count_descriptors() - before <= OF_A_SERVER + 128 * 2);
	int64_t begun = now_ms();
	beget_server_close(s);
	assert_true(now_ms() - begun < 1000);
	assert_int_equal(count_descriptors(), before);
}

/* Threads. */

enum { THREADS = 8, STARTS = 250 };
static struct beget_server *common;
static atomic_int wrong;

static void *starts(void *data)
{
	int number = (int)(intptr_t)data;

	for (int i = 0; i < often(STARTS); i++) {
		struct beget_process *p;
		int sum = 0;
		if (beget_start(&p, by(BEGET_FORKSERVER, common), BEGET_CALL(add, number * 100000, i)) < 0 ||
		    beget_join(p, 20000, NULL) < 0 || beget_result(p, &sum) < 0 || sum != number * 100000 + i) {
			wrong++;
			return NULL;
		}
		beget_free(p);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t thread[THREADS];
	int before = count_descriptors();

	common = open_server(keeping(BEGET_FORKSERVER, 4));
	by(BEGET_FORKSERVER, common);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, starts, (void *)(intptr_t)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(wrong, 0);
	await_spares(common, 4);
	assert_true(status_of(common).started >= (uint64_t)(THREADS * often(STARTS)));
	beget_server_close(common);
	assert_int_equal(count_descriptors(), before);
}

/* Killed or stopped while they wait. */

static void killed(enum beget_method method)
{
	struct beget_server *s = open_server(keeping(method, 3));
	pid_t pids[3];

	for (int i = 0; i < 3; i += 2) {
		await_spares(s, 3);
		assert_int_equal(children_of(status_of(s).pid, pids, 3), 3);
		for (int j = 0; j < 3 && j <= i; j++)
			assert_int_equal(kill(pids[j], SIGKILL), 0);
		for (int j = 0; j < 3 && j <= i; j++)
			for (int64_t end = now_ms() + SOON_MS; kill(pids[j], 0) == 0 && now_ms() < end;)
				sleep_ms(1); /* its helper has noticed it */
		for (int j = 0; j < 4; j++)
			assert_int_equal(int_result_with(by(method, s), BEGET_CALL(add, 3, j)), 3 + j);
	}
	beget_server_close(s);
}

/* At any moment: the start is an ordinary one, or the process was killed before it read its call. */
static void killed_at_any_moment(enum beget_method method)
{
	struct beget_server *s = open_server(keeping(method, 1));
	int good = 0;

	for (int i = 0; i < 30; i++) {
		struct beget_process *p;
		struct beget_status status;
		pid_t pid = 0;
		int sum;
		sleep_ms(3);
		if (children_of(status_of(s).pid, &pid, 1) == 1)
			kill(pid, SIGKILL);
		usleep((unsigned)(i % 10) * 50);
		p = start_with(by(method, s), BEGET_CALL(add, 1, i));
		assert_int_equal(beget_join(p, SOON_MS, &status), 0);
		if (status.outcome == BEGET_EXITED) {
			good++;
			assert_int_equal(beget_result(p, &sum), 0);
			assert_int_equal(sum, 1 + i);
		} else if (status.outcome != BEGET_SIGNALED || status.code != SIGKILL) {
			assert_int_equal(status.outcome, BEGET_FAILED);
			assert_int_equal(status.code, -ECONNRESET);
		}
		beget_free(p);
	}
	assert_true(good > 0);
	beget_server_close(s);
}

/* A stopped spare cannot be distinguished from a waiting one: the result is a process that another process has
 * stopped. */
static void stopped(enum beget_method method)
{
	struct beget_server *s = open_server(keeping(method, 1));
	pid_t pid;
	int sum = 0;

	await_spares(s, 1);
	assert_int_equal(children_of(status_of(s).pid, &pid, 1), 1);
	stop(pid);
	struct beget_process *p = start_with(by(method, s), BEGET_CALL(add, 1, 2));
	assert_int_equal(beget_join(p, 100, NULL), -ETIMEDOUT);
	assert_int_equal(beget_pid(p), pid);
	assert_int_equal(beget_kill(p, SIGCONT), 0);
	assert_int_equal(beget_join(p, SOON_MS, NULL), 0);
	assert_int_equal(beget_result(p, &sum), 0);
	assert_int_equal(sum, 3);
	beget_free(p);

	await_spares(s, 1);
	assert_int_equal(children_of(status_of(s).pid, &pid, 1), 1);
	stop(pid);
	p = start_with(by(method, s), BEGET_CALL(add, 1, 2));
	assert_int_equal(beget_kill(p, SIGKILL), 0);
	expect_end(p, BEGET_SIGNALED, SIGKILL);
	beget_server_close(s);
}

/* With a deadline, a stopped spare counts as not born in time: another one is taken or created. */
static void stopped_with_a_deadline(void)
{
	struct beget_server *s = open_server(keeping(BEGET_FORKSERVER, 1));
	struct beget_options o = *by(BEGET_FORKSERVER, s);
	pid_t pid;

	o.timeout_ms = 5000;
	await_spares(s, 1);
	assert_int_equal(children_of(status_of(s).pid, &pid, 1), 1);
	stop(pid);
	assert_int_not_equal(int_result_with(&o, BEGET_CALL(own_pid)), pid);
	kill(pid, SIGCONT);
	assert_true(process_gone(pid, SOON_MS));
	for (int i = 0; i < 3; i++)
		assert_true(int_result_with(&o, BEGET_CALL(own_pid)) > 0);
	beget_server_close(s);
}

/* Spares of a helper that was killed are not used, because no process would report their ends. */
static int prepared;

static int prepare(int number)
{
	prepared = number;
	return 0;
}

static int ask_prepared(void)
{
	return prepared * 1000000 + (int)getppid();
}

static void of_a_killed_server(enum beget_method method)
{
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prepare, 7), .spares = 2, .spawn_spares = 2));

	for (int i = 0; i < 4; i++) {
		await_spares(s, 4);
		pid_t pid = status_of(s).pid, spares[4];
		assert_int_equal(children_of(pid, spares, 4), 4);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_true(process_gone(pid, SOON_MS));
		struct beget_options o = *by(method, s);
		o.flags = i % 2 ? BEGET_TIED : 0;
		struct beget_process *p = start_with(&o, BEGET_CALL(ask_prepared));
		int answer = 0;
		assert_int_equal(beget_join(p, SOON_MS, NULL), 0);
		assert_int_equal(beget_result(p, &answer), 0);
		expect_exit(p, 0);
		if (method == BEGET_FORKSERVER)
			assert_int_equal(answer, 7000000 + status_of(s).pid);
		else
			expect_exit(start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing)), 0);
		for (int j = 0; j < 4; j++)
			assert_true(process_gone(spares[j], SOON_MS));
	}
	beget_server_close(s);
}

/* Freeing a handle does not launch a helper, and does not wait for a launch. */
static int naps(int ms)
{
	sleep_ms(ms);
	return 0;
}

static void given_back_while_it_is_gone(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(naps, 300), .spares = 1));

	await_spares(s, 1);
	struct beget_process *p = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing));
	beget_join(p, SOON_MS, NULL);
	pid_t pid = status_of(s).pid;
	kill(pid, SIGKILL);
	assert_true(process_gone(pid, SOON_MS));
	int64_t begun = now_ms();
	beget_free(p);
	for (int i = 0; i < 3; i++)
		expect_exit(start(BEGET_FORKSERVER, BEGET_CALL(nothing)), 0);
	assert_true(now_ms() - begun < 200);
	expect_exit(start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing)), 0);
	assert_true(now_ms() - begun >= 300);
	beget_server_close(s);
}

/* Tied to the caller, like any child. */

static int reports[2];

static void live(struct beget_fd fd)
{
	pid_t pid = getpid();

	if (write(fd.fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	sleep(60);
}

static enum beget_method tied_method;

static void tied_host(void)
{
	struct beget_server *s;
	struct beget_process *p;

	close(reports[0]);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 2, .spawn_spares = 2)) == 0);
	sleep_ms(50);
	struct beget_options o = *by(tied_method, s);
	o.flags = BEGET_TIED;
	CHECK(beget_start(&p, &o, BEGET_CALL(live, BEGET_FD(reports[1]))) == 0);
	close(reports[1]);
	for (;;)
		pause();
}

static void closes_all(struct beget_fd fd)
{
	dup2(fd.fd, STDIN_FILENO);
	beget__fd_close_range(3, ~0u);
	live((struct beget_fd){STDIN_FILENO});
}

static void tied_host_of_one_that_closes_all(void)
{
	struct beget_server *s;
	struct beget_process *p;

	close(reports[0]);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 2)) == 0);
	sleep_ms(50);
	struct beget_options o = *by(BEGET_FORKSERVER, s);
	o.flags = BEGET_TIED;
	CHECK(beget_start(&p, &o, BEGET_CALL(closes_all, BEGET_FD(reports[1]))) == 0);
	close(reports[1]);
	for (;;)
		pause();
}

static void dies_with(void (*host)(void))
{
	pid_t pid = 0;

	assert_int_equal(pipe2(reports, O_CLOEXEC), 0);
	pid_t caller = host_start(host);
	close(reports[1]);
	assert_int_equal(read(reports[0], &pid, sizeof(pid)), sizeof(pid));
	assert_false(ends(reports[0], 60));
	kill(caller, SIGKILL);
	host_end(caller);
	if (!ends(reports[0], SOON_MS)) {
		kill(pid, SIGKILL);
		fail_msg("it lives on without its caller");
	}
	close(reports[0]);
}

static void tied(enum beget_method method)
{
	tied_method = method;
	for (int i = 0; i < 3; i++)
		dies_with(tied_host);
	if (method == BEGET_FORKSERVER)
		dies_with(tied_host_of_one_that_closes_all);
}

/* The caller dies or closes the server while spares wait: they end soon, which the fence checks. */

static void waiting_host(void)
{
	struct beget_server *s;

	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 3, .spawn_spares = 3)) == 0);
	sleep_ms(40);
	if (fork() == 0) /* a copy that continues holds no descriptor of them */
		sleep(1), _exit(0);
	raise(SIGKILL);
}

static void caller_dies(void)
{
	pid_t host = host_start(waiting_host);

	assert_true(WIFSIGNALED(host_end(host)));
}

static void closed_while_they_wait(void)
{
	for (int i = 0; i < 10; i++) {
		struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 3, .spawn_spares = 3));
		pid_t pid = status_of(s).pid, spares[6];
		if (i < 3)
			await_spares(s, 6);
		usleep((unsigned)i * 500);
		int n = children_of(pid, spares, 6);
		beget_server_close(s);
		for (int j = 0; j < n; j++)
			assert_true(process_gone(spares[j], SOON_MS));
		assert_true(process_gone(pid, SOON_MS));
	}
}

/* The host does not see them, although it waits for all children. */

static void waits(void)
{
	struct beget_server *s;
	struct beget_process *p;

	signal(SIGCHLD, on_child);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 2, .spawn_spares = 2)) == 0);
	sleep_ms(50);
	for (int i = 0; i < 20; i++) {
		/* This includes those of spawn while they are spares. */
		CHECK(beget_start(&p, by(i % 2 ? BEGET_SPAWN : BEGET_FORKSERVER, s), BEGET_CALL(nothing)) == 0);
		CHECK(beget_join(p, 10000, NULL) == 0);
		beget_free(p);
		CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
		sleep_ms(20);
	}
	CHECK(signalled == 0);
	beget_server_close(s);
}

static void the_host_sees_nothing(void)
{
	run_host(waits);
}

/* In the caller, they take at most two descriptors each. */
static void descriptors_of_the_caller(enum beget_method method)
{
	int before = count_descriptors();
	struct beget_server *s = open_server(keeping(method, 10));

	await_spares(s, 10);
	assert_true(count_descriptors() - before <= OF_A_SERVER + 20);
	beget_server_close(s);
}

/* The n-th call of the caller fails while the server is opened and its pool is filled: open fails and leaves nothing,
 * or the server serves and the pool fills. */
static void opened_with_faults(const char *call, int error)
{
	char name[40];

	snprintf(name, sizeof(name), " %s ", call);
	for (int n = 1, hits = 1; hits; n++) {
		struct beget_server *const untouched = (void *)name, *s = untouched;
		int before = count_descriptors();
		fault_nth(name, n, error);
		int failed = beget_server_open(
			&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prepare, 1), .spares = 2, .spawn_spares = 1));
		hits = fault_off();
		if (failed) {
			assert_true(hits);
			assert_ptr_equal(s, untouched);
			if (failed != -error)
				fail_msg("%s %d: %d: %s", call, n, failed, beget_error());
		} else {
			assert_int_equal(int_result_with(by(BEGET_FORKSERVER, s), BEGET_CALL(add, n, 1)), n + 1);
			beget_server_close(s);
		}
		if (count_descriptors() != before)
			fail_msg("%s %d: %d descriptors, not %d", call, n, count_descriptors(), before);
		assert_true(n < 200);
	}
}

static void faults(void)
{
	static const int no_descriptor[] = {EMFILE, ENFILE};

	opened_with_faults("alloc", ENOMEM);
	for (int i = 0; i < 2; i++) {
		opened_with_faults("socketpair", no_descriptor[i]);
		opened_with_faults("dup", no_descriptor[i]);
	}
	opened_with_faults("sendmsg", ENOMEM);
	opened_with_faults("clone", EAGAIN);
}

/* A start with a spare while calls of the caller fail: the process runs, or the start is refused and the target never
 * ran. */
static void started_with_faults(enum beget_method method, const char *call, int error)
{
	struct beget_server *s = open_server(keeping(method, 2));
	char name[40];

	snprintf(name, sizeof(name), " %s ", call);
	for (int n = 1, hits = 1; hits && n < 200; n++) {
		struct beget_process *p = NULL;
		struct beget_status status;
		sleep_ms(10); /* during which spares are created */
		fault_nth(name, n, error);
		int failed = beget_start(&p, by(method, s), BEGET_CALL(add, n, 2));
		hits = fault_off();
		if (failed) {
			assert_true(hits);
			assert_null(p);
			continue;
		}
		assert_int_equal(beget_join(p, SOON_MS, &status), 0);
		if (status.outcome != BEGET_EXITED)
			fail_msg("%s %d: outcome %d, code %d", call, n, (int)status.outcome, status.code);
		beget_free(p);
	}
	beget_server_close(s);
}

static void starts_with_faults(enum beget_method method)
{
	static const struct {
		const char *call;
		int error;
	} table[] = {{"alloc", ENOMEM}, {"socketpair", EMFILE}, {"dup", EMFILE}, {"open", EMFILE}, {"sendmsg", ENOMEM}};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		started_with_faults(method, table[i].call, table[i].error);
}

/* Requests for spares do not take the last place in the helper's table: a later start still works. */
static void the_last_place(void)
{
	struct rlimit before, few;
	struct beget_status status;
	struct beget_process *used[4];
	struct beget_server *s = open_server(keeping(BEGET_FORKSERVER, 4));
	pid_t pid = status_of(s).pid;

	await_spares(s, 4);
	for (int i = 0; i < 4; i++) {
		used[i] = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing));
		assert_int_equal(beget_join(used[i], SOON_MS, NULL), 0);
	}
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &before), 0);
	few = before;
	few.rlim_cur = 9;
	stop(pid);
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &few, NULL), 0);
	for (int i = 0; i < 4; i++)
		beget_free(used[i]);
	struct beget_process *p = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing));
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(beget_join(p, SOON_MS, &status), 0);
	assert_int_equal(status.outcome, BEGET_EXITED);
	beget_free(p);
	beget_server_close(s);
}

/* The helper has no room for spares: starts are not delayed, and spares are created when there is room again. */
static void no_room_in_the_server(void)
{
	struct rlimit before, few;
	struct beget_server *s = open_server(keeping(BEGET_FORKSERVER, 4));

	await_spares(s, 4);
	pid_t pid = status_of(s).pid;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &before), 0);
	few = before;
	few.rlim_cur = 9;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &few, NULL), 0);
	for (int i = 0; i < 30; i++) {
		struct beget_process *p = start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing));
		struct beget_status status;
		assert_int_equal(beget_join(p, SOON_MS, &status), 0);
		if (status.outcome != BEGET_EXITED) /* it was received and refused */
			assert_int_equal(status.code, -EMFILE);
		beget_free(p);
	}
	assert_true(status_of(s).started < 200); /* it does not retry without a pause */
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &before, NULL), 0);
	sleep_ms(1100);
	expect_exit(start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing)), 0);
	sleep_ms(1100);
	expect_exit(start_with(by(BEGET_FORKSERVER, s), BEGET_CALL(nothing)), 0);
	await_spares(s, 4);
	beget_server_close(s);
}

int main(int argc, char **argv)
{
	enum { BOTH = BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN), FORKSERVER = BY(BEGET_FORKSERVER) };
#define ONCE(test)                                                                                                     \
	{                                                                                                              \
#test, (void (*)(enum beget_method))(void (*)(void))test, FORKSERVER                                   \
	}
	static const struct behaviour table[] = {
		BEHAVIOUR_OF(used_once, BOTH),
		BEHAVIOUR_OF(each_for_its_method, BOTH),
		BEHAVIOUR_OF(wished, BOTH),
		ONCE(constructors_see_the_environment_of_now),
		BEHAVIOUR_OF(a_state_beyond_them, BOTH),
		BEHAVIOUR_OF(burst, BOTH),
		ONCE(starts_come_first),
		ONCE(many),
		ONCE(threads),
		BEHAVIOUR_OF(killed, BOTH),
		BEHAVIOUR_OF(killed_at_any_moment, BOTH),
		BEHAVIOUR_OF(stopped, BOTH),
		ONCE(stopped_with_a_deadline),
		BEHAVIOUR_OF(of_a_killed_server, BOTH),
		ONCE(given_back_while_it_is_gone),
		BEHAVIOUR_OF(tied, BOTH),
		ONCE(caller_dies),
		ONCE(closed_while_they_wait),
		ONCE(the_host_sees_nothing),
		BEHAVIOUR_OF(descriptors_of_the_caller, BOTH),
		ONCE(faults),
		BEHAVIOUR_OF(starts_with_faults, BOTH),
		ONCE(the_last_place),
		ONCE(no_room_in_the_server),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
