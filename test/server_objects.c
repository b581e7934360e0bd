/* Servers as objects: their status is read, they are launched and prepared again after they have ended or when they
 * cannot provide a state, copied with fork, nested, and closed at any moment. */
#include "servers.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int returns(int code)
{
	return code;
}

static void hangs(void)
{
	for (;;)
		pause();
}

static void nothing(void)
{
}

/* Status. */

static void how_it_is(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 2, .spawn_spares = 1));
	struct beget_process *p[3];
	struct beget_server_status status = status_of(s);

	for (int64_t end = now_ms() + SOON_MS; status.children < 3 && now_ms() < end; sleep_ms(2))
		status = status_of(s);
	assert_int_equal(status.pid, int_from(s, BEGET_CALL(host_parent_of)));
	assert_int_equal(status.children, 3);
	assert_int_equal(status.spares, 3);
	assert_int_equal(status.threads, 1);
	assert_true(status.memory_kib > 0);
	beget_server_close(s);

	s = open_server(NULL);
	status = status_of(s);
	assert_int_equal(status.children + status.spares + (uint32_t)status.started, 0);
	for (int i = 0; i < 3; i++) {
		p[i] = start_with(BEGET_OPTIONS(.server = s), BEGET_CALL(hangs));
		beget_pid(p[i]);
	}
	status = status_of(s);
	assert_int_equal(status.children, 3);
	assert_int_equal(status.started, 3);
	for (int i = 0; i < 3; i++) {
		beget_kill(p[i], SIGKILL);
		expect_end(p[i], BEGET_SIGNALED, SIGKILL);
	}
	status = status_of(s);
	assert_int_equal(status.children, 0);
	assert_int_equal(status.started, 3);
	assert_int_equal(beget_server_status(s, NULL), -EINVAL);
	kill_server(s);
	assert_int_equal(beget_server_status(s, &status), -ESRCH);
	assert_int_equal(status.started, 3);
	assert_int_equal(int_from(s, BEGET_CALL(returns, 1)), 1);
	assert_int_equal(status_of(s).started, 1);
	beget_server_close(s);
	assert_int_equal(status_of(NULL).pid, helper_pid()); /* of the shared helper */
}

/* Options. */

static void options_are_checked(void)
{
	struct {
		struct beget_server_options o;
		size_t more[2];
	} newer = {{.size = sizeof(newer)}, {0, 0}};
	struct beget_server *s;
	struct beget_call broken = {0};

	assert_int_equal(beget_server_open(NULL, NULL), -EINVAL);
	refused(&(struct beget_server_options){.spares = 1}, -EINVAL, "BEGET_SERVER_OPTIONS");
	refused(&(struct beget_server_options){.size = 13}, -EINVAL, "size");
	refused(BEGET_SERVER_OPTIONS(.flags = 0x80), -EINVAL, "0x80");
	refused(BEGET_SERVER_OPTIONS(.timeout_ms = -1), -EINVAL, "-1");
	refused(BEGET_SERVER_OPTIONS(.spares = 65), -EINVAL, "64");
	refused(BEGET_SERVER_OPTIONS(.spawn_spares = 65), -EINVAL, "64");
	refused(BEGET_SERVER_OPTIONS(.prepare = &broken), -EINVAL, "the prepare call");
	beget_server_close(open_server(&newer.o));
	beget_server_close(open_server(&(struct beget_server_options){.size = 16}));
	newer.more[1] = 1;
	assert_int_equal(beget_server_open(&s, &newer.o), -E2BIG);
	s = open_server(NULL);
	struct beget_process *p;
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.server = s, .method = BEGET_FORK), BEGET_CALL(nothing)),
	                 -EINVAL);
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.timeout_ms = -1), BEGET_CALL(nothing)), -EINVAL);
	beget_server_close(s);
	beget_server_close(NULL);
}

/* A start with a deadline. */

__attribute__((constructor)) static void start_slowly(void)
{
	if (getenv("STARTS_SLOWLY"))
		sleep_ms(400);
}

/* Measures the time that a new shared helper takes until it runs main. */
static void first_start(void)
{
	struct beget_process *p;

	setenv("STARTS_SLOWLY", "1", 1);
	CHECK(beget_start(&p, BEGET_OPTIONS(.timeout_ms = 100), BEGET_CALL(nothing)) == -ETIMEDOUT);
	CHECK(beget_start(&p, NULL, BEGET_CALL(nothing)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0);
	beget_free(p);
}

static void deadline_of_a_first_start(void)
{
	run_host(first_start);
}

static int prepare_slowly(void)
{
	sleep_ms(1500);
	return 0;
}

/* The deadline includes preparing a server again. */
static void deadline_while_it_is_made_ready(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prepare_slowly)));

	kill_server(s);
	expect_exit(start_with(BEGET_OPTIONS(.server = s, .timeout_ms = 1000), BEGET_CALL(nothing)), 0);
	beget_server_close(s);
}

static void touch(struct beget_fd fd)
{
	if (write(fd.fd, "t", 1) != 1)
		_exit(1);
}

static void deadline_of_a_start(void)
{
	struct beget_server *s = open_server(NULL);
	struct beget_process *p = NULL;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	for (int i = 0; i < 5; i++)
		expect_exit(start_with(BEGET_OPTIONS(.server = s, .timeout_ms = 5000), BEGET_CALL(nothing)), 0);
	pid_t pid = status_of(s).pid;
	kill(pid, SIGSTOP);
	for (int i = 0; i < 5; i++) {
		int64_t begun = now_ms();
		assert_int_equal(beget_start(&p, BEGET_OPTIONS(.server = s, .timeout_ms = 50),
		                             BEGET_CALL(touch, BEGET_FD(pipes[1]))),
		                 -ETIMEDOUT);
		assert_in_range(now_ms() - begun, 50, 1000);
		assert_non_null(strstr(beget_error(), "50 ms"));
		assert_null(p);
	}
	kill(pid, SIGCONT);
	assert_int_equal(int_from(s, BEGET_CALL(host_parent_of)), pid);
	beget_server_close(s);
	close(pipes[1]);
	char c;
	assert_int_equal(read(pipes[0], &c, 1), 0); /* none of them has run */
	close(pipes[0]);
}

/* A lost server. */

static int count;

static int counts(struct beget_fd fd)
{
	count = 7;
	return write(fd.fd, "c", 1) == 1 ? 0 : -EIO;
}

static int ask_count(void)
{
	return count;
}

static void a_lost_server_is_prepared_again(void)
{
	int pipes[2];
	char many[100];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.preload = preloads("plugin.so"),
	                                                          .prepare = BEGET_CALL(counts, BEGET_FD(pipes[1]))));
	for (int i = 0; i < 5; i++) {
		pid_t pid = status_of(s).pid;
		struct beget_process *p = start_with(BEGET_OPTIONS(.server = s), BEGET_CALL(hangs));
		assert_true(beget_pid(p) > 0);
		kill_server(s);
		int answer = int_from(s, BEGET_CALL(ask_count));
		assert_int_equal(answer, 7);
		assert_int_equal(int_from(s, BEGET_CALL(mapped, "/plugin.so")), 1);
		assert_int_not_equal(status_of(s).pid, pid);
		assert_int_equal(beget_kill(p, SIGKILL), 0);
		beget_join(p, SOON_MS, NULL);
		beget_free(p);
	}
	beget_server_close(s);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], many, sizeof(many)), 6);
	close(pipes[0]);
}

/* The preparation fails the second time: the start reports that, and the next one tries again. */
static int loads_file(const char *path)
{
	return access(path, R_OK) < 0 ? -errno : loads(path, 200);
}

static void it_cannot_be_prepared_again(void)
{
	char path[] = "/tmp/beget-model-XXXXXX";
	struct beget_process *p = NULL;
	int fd = mkstemp(path);

	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(loads_file, path)));
	kill_server(s);
	unlink(path);
	close(fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)), -ENOENT);
		assert_non_null(strstr(beget_error(), "prepare"));
		assert_null(p);
	}
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_non_null(strstr(text_result_with(BEGET_OPTIONS(.server = s), BEGET_CALL(ask_model)), path));
	beget_server_close(s);
	unlink(path);
	close(fd);
}

/* A child needs a state that the server was not born with: another one is prepared, once. */

static const char *seat(void)
{
	static char text[200];

	snprintf(text, sizeof(text), "session %d, no new privileges %d, %s", (int)getsid(0),
	         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), ask_model());
	return text;
}

static void expect_seat(struct beget_server *s, int privileges)
{
	struct beget_process *p;
	const char *text;
	char wanted[200];

	snprintf(wanted, sizeof(wanted), "session %d, no new privileges %d, model of all", (int)getsid(0), privileges);
	CHECK(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(seat)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0 && beget_result(p, &text) == 0);
	CHECK(strcmp(text, wanted) == 0);
	beget_free(p);
}

static pid_t pid_of(struct beget_server *s)
{
	struct beget_server_status status;

	CHECK(beget_server_status(s, &status) == 0);
	return status.pid;
}

static void rebirths(void)
{
	struct beget_server *s;
	pid_t pids[3];

	if (fork()) /* the leader of a process group cannot create a session */
		_exit(host_end(-1) != 0);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(loads, "all", 100), .spares = 2)) == 0);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			CHECK(setsid() == getpid());
		if (i == 2)
			CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0, 0, 0) == 0);
		expect_seat(s, i == 2);
		pids[i] = pid_of(s);
		for (int j = 0; j < 3; j++) {
			sleep_ms(3);
			expect_seat(s, i == 2);
			CHECK(pid_of(s) == pids[i]);
		}
		for (int j = 0; j < i; j++) {
			CHECK(pids[j] != pids[i]);
			CHECK(process_gone(pids[j], SOON_MS));
		}
	}
	beget_server_close(s);
}

static void a_state_beyond_it(void)
{
	run_host(rebirths);
}

/* Copies of the host. */

static int channels(void)
{
	int n = 0;

	for (int fd = 3; fd < 300; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);
		n += getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	}
	return n;
}

static void copies(void)
{
	struct beget_server *s, *own;
	struct beget_server_status status;
	struct beget_process *p = NULL;
	int pipes[2];

	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, 0), .spares = 3,
	                                                 .spawn_spares = 2)) == 0);
	CHECK(beget_server_status(s, &status) == 0);
	pid_t copy = fork();
	if (copy == 0) {
		CHECK(channels() == 0);
		CHECK(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(nothing)) == -ECHILD && !p);
		CHECK(strstr(beget_error(), "copy"));
		CHECK(beget_server_status(s, &status) == -ECHILD);
		beget_server_close(s);
		CHECK(beget_server_open(&own, BEGET_SERVER_OPTIONS(.spares = 1)) == 0);
		CHECK(beget_start(&p, BEGET_OPTIONS(.server = own), BEGET_CALL(nothing)) == 0);
		CHECK(beget_join(p, 10000, NULL) == 0);
		beget_free(p);
		if (fork() == 0) { /* as daemon(3) does it */
			setsid();
			close(pipes[0]);
			CHECK(channels() == 0);
			CHECK(beget_server_open(&own, BEGET_SERVER_OPTIONS(.spares = 1, .spawn_spares = 1)) == 0);
			for (int i = 0; i < 4; i++) {
				CHECK(beget_start(&p,
				                  BEGET_OPTIONS(.server = own, .method = (enum beget_method)(i % 2)),
				                  BEGET_CALL(nothing)) == 0);
				CHECK(beget_join(p, 10000, NULL) == 0);
				beget_free(p);
			}
			CHECK(write(pipes[1], "d", 1) == 1);
			_exit(0);
		}
		_exit(0);
	}
	CHECK(host_end(copy) == 0);
	close(pipes[1]);
	char c;
	CHECK(read(pipes[0], &c, 1) == 1);
	pid_t before = status.pid;
	CHECK(beget_server_status(s, &status) == 0 && status.pid == before);
	CHECK(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(nothing)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0);
	beget_free(p);
	beget_server_close(s);
}

static void a_copy_has_none(void)
{
	run_host(copies);
}

/* Its children with forkserver, and what they start. */

static int nests(void)
{
	struct beget_server *s;
	struct beget_process *p;
	int result = -1, sum = 0;

	for (int m = 0; m < 3; m++) {
		if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(returns, m + 1)) < 0 ||
		    beget_join(p, 10000, NULL) < 0 || beget_result(p, &result) < 0)
			return -1;
		beget_free(p);
		sum += result;
	}
	if (beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, 0), .spares = 1)) < 0)
		return -2;
	for (int i = 0; i < 3; i++) {
		if (beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(returns, 10)) < 0 ||
		    beget_join(p, 10000, NULL) < 0 || beget_result(p, &result) < 0)
			return -3;
		beget_free(p);
		sum += result;
	}
	beget_server_close(s);
	return sum;
}

static void children_start_children(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 1, .spawn_spares = 1));

	for (int i = 0; i < 4; i++) {
		enum beget_method method = i % 2 ? BEGET_SPAWN : BEGET_FORKSERVER;
		assert_int_equal(int_result_with(BEGET_OPTIONS(.server = s, .method = method), BEGET_CALL(nests)), 36);
	}
	beget_server_close(s);
}

/* Closing. */

static int goes_on(struct beget_fd go, int code)
{
	char c;

	if (read(go.fd, &c, 1) == 1 && code)
		_exit(code);
	return 4711;
}

static void *close_it(void *s)
{
	beget_server_close(s);
	return NULL;
}

static void closed_while_children_run(void)
{
	struct beget_process *p[6];
	int pipes[2], result = 0;
	pthread_t thread;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 2));
	pid_t pid = status_of(s).pid;
	/* The last ones are not born yet; some are tied and end with their caller, not with the server. */
	for (int i = 0; i < 6; i++)
		p[i] = start_with(BEGET_OPTIONS(.server = s, .flags = i % 2 ? BEGET_TIED : 0),
		                  BEGET_CALL(goes_on, BEGET_FD(pipes[0]), i < 3 ? 0 : i));
	int64_t begun = now_ms();
	assert_int_equal(pthread_create(&thread, NULL, close_it, s), 0);
	pthread_join(thread, NULL);
	assert_true(now_ms() - begun < 1000);
	for (int i = 0; i < 6; i++) {
		assert_true(beget_pid(p[i]) > 0);
		assert_int_equal(beget_join(p[i], 20, NULL), -ETIMEDOUT);
	}
	assert_int_equal(write(pipes[1], "gggggg", 6), 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(beget_join(p[i], SOON_MS, NULL), 0);
		if (i < 3)
			assert_int_equal(beget_result(p[i], &result) | (result != 4711), 0);
		expect_exit(p[i], i < 3 ? 0 : i);
	}
	assert_true(process_gone(pid, SOON_MS));
	close(pipes[0]);
	close(pipes[1]);
}

static void closed_while_it_is_stopped(void)
{
	struct beget_server *s = open_server(BEGET_SERVER_OPTIONS(.spares = 2));
	pid_t pid = status_of(s).pid;
	int64_t begun = now_ms();

	kill(pid, SIGSTOP);
	beget_server_close(s);
	assert_true(now_ms() - begun < 1000);
	kill(pid, SIGCONT);
	assert_true(process_gone(pid, SOON_MS));
}

/* Nothing is lost in many repetitions. */
static void opened_and_closed_often(void)
{
	int before = count_descriptors();

	for (int i = 0; i < often(40); i++) {
		struct beget_server *s =
			open_server(BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(returns, i), .spares = (unsigned)i % 3,
		                                         .spawn_spares = (unsigned)i % 2));
		if (i % 4)
			assert_int_equal(int_from(s, BEGET_CALL(returns, i)), i);
		beget_server_close(s);
		assert_int_equal(count_descriptors(), before);
	}
}

/* The host's wait and its SIGCHLD handler do not notice the server. */

static void waits(void)
{
	struct beget_server *s;
	struct beget_process *p;

	signal(SIGCHLD, on_child);
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 2, .spawn_spares = 2)) == 0);
	for (int i = 0; i < 20; i++) {
		CHECK(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(nothing)) == 0);
		CHECK(beget_join(p, 10000, NULL) == 0);
		beget_free(p);
		CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
		sleep_ms(2);
	}
	beget_server_close(s);
	sleep_ms(20);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	CHECK(signalled == 0);
}

static void the_host_sees_nothing(void)
{
	run_host(waits);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(how_it_is),
		UNIT(options_are_checked),
		UNIT(deadline_of_a_start),
		UNIT(deadline_of_a_first_start),
		UNIT(deadline_while_it_is_made_ready),
		UNIT(a_lost_server_is_prepared_again),
		UNIT(it_cannot_be_prepared_again),
		UNIT(a_state_beyond_it),
		UNIT(a_copy_has_none),
		UNIT(children_start_children),
		UNIT(closed_while_children_run),
		UNIT(closed_while_it_is_stopped),
		UNIT(opened_and_closed_often),
		UNIT(the_host_sees_nothing),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
