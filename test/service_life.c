/* The life of a service: its children are started, replaced, and asked to finish. */
#include "services.h"

#include "host.h"

#include <fcntl.h>
#include <sched.h>

static void children_start_and_finish(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 3, .ready_ms = PATIENCE_MS);
	pid_t pids[3];
	int ended = 0;

	await_ready(s, 3, pids);
	assert_true(pids[0] > 0 && pids[1] > 0 && pids[2] > 0 && pids[0] != pids[1] && pids[1] != pids[2]);
	struct beget_service_status status = service_status(s);
	assert_int_equal(status.wanted, 3);
	assert_int_equal(status.ready, 3);
	assert_int_equal(status.version, 1);
	good(beget_service_stop(s, PATIENCE_MS));
	for (struct beget_service_event e = next_event(s); e.kind != BEGET_SERVICE_STOPPED; e = next_event(s)) {
		if (e.kind != BEGET_SERVICE_ENDED)
			continue;
		ended++;
		assert_int_equal(e.status.outcome, BEGET_EXITED);
		assert_int_equal(e.status.code, 0);
	}
	assert_int_equal(ended, 3);
	assert_int_equal(beget_service_scale(s, 1), -ECANCELED);
	assert_int_equal(beget_service_reload(s, NULL, NULL), -ECANCELED);
	beget_service_close(s);
}

/* The program needs to call only when the descriptor is readable. */
static void the_sentinel_announces_all_events(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 2, .ready_ms = PATIENCE_MS);
	struct pollfd sentinel = {.fd = beget_service_sentinel(s), .events = POLLIN};
	struct beget_service_event event;
	int ready = 0, ended = 0, idle = 0;

	while (ended < 2) {
		assert_int_equal(poll(&sentinel, 1, PATIENCE_MS), 1);
		int error = beget_service_next(s, 0, &event);
		if (error) {
			assert_int_equal(error, -ETIMEDOUT);
			assert_true(++idle < 10000);
			continue;
		}
		ended += event.kind == BEGET_SERVICE_ENDED;
		if (event.kind == BEGET_SERVICE_READY && ++ready == 2)
			good(beget_service_stop(s, PATIENCE_MS));
	}
	assert_int_equal(next_event(s).kind, BEGET_SERVICE_STOPPED);
	beget_service_close(s);
}

static void a_killed_child_is_replaced(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 2, .ready_ms = PATIENCE_MS);
	pid_t pids[2];

	await_ready(s, 2, pids);
	good(beget_service_kill(s, pids[0], SIGKILL));
	struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(e.pid, pids[0]);
	assert_int_equal(e.status.outcome, BEGET_SIGNALED);
	assert_int_equal(e.status.code, SIGKILL);
	assert_non_null(strstr(e.text, "signal 9"));
	assert_int_not_equal(until(s, BEGET_SERVICE_READY).pid, pids[1]);
	assert_int_equal(service_status(s).ready, 2);
	assert_int_equal(service_status(s).failed, 1);
	assert_int_equal(beget_service_kill(s, pids[0], SIGTERM), -ESRCH);
	assert_int_equal(beget_service_kill(s, pids[1], 1000), -EINVAL);
	finish(s);
}

static int wait_for_a_signal(void)
{
	beget_ready();
	pause();
	return 0;
}

static void a_child_that_does_not_listen_gets_sigterm(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(wait_for_a_signal), .children = 1, .ready_ms = PATIENCE_MS);

	await_ready(s, 1, NULL);
	good(beget_service_stop(s, PATIENCE_MS));
	struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(e.status.outcome, BEGET_SIGNALED);
	assert_int_equal(e.status.code, SIGTERM);
	beget_service_close(s);
}

static int go_on(void)
{
	signal(SIGTERM, SIG_IGN);
	beget_ready();
	sleep_ms(PATIENCE_MS);
	return 0;
}

/* SIGTERM, then SIGKILL. */
static void a_child_that_goes_on_is_killed(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(go_on), .children = 2, .ready_ms = PATIENCE_MS);

	await_ready(s, 2, NULL);
	good(beget_service_stop(s, 30));
	for (int i = 0; i < 2; i++) {
		struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
		assert_int_equal(e.status.outcome, BEGET_SIGNALED);
		assert_int_equal(e.status.code, SIGKILL);
	}
	assert_int_equal(next_event(s).kind, BEGET_SERVICE_STOPPED);
	beget_service_close(s);
}

/* A child that does not call beget_ready is killed. */
static void a_child_that_is_not_ready_in_time_is_killed(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(wait_until_asked), .children = 1, .ready_ms = 50,
	                                  .backoff_ms = 1, .boots = 2);

	until(s, BEGET_SERVICE_STARTED);
	assert_int_equal(service_status(s).starting, 1);
	assert_int_equal(service_status(s).ready, 0);
	for (int i = 0; i < 2; i++) {
		struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
		assert_int_equal(e.status.outcome, BEGET_TIMED_OUT);
		assert_non_null(strstr(e.text, "not ready in time"));
	}
	struct beget_service_event e = next_event(s);
	while (e.kind != BEGET_SERVICE_GAVE_UP)
		e = next_event(s);
	assert_non_null(strstr(e.text, "not ready in time"));
	beget_service_close(s);
}

/* The newest children finish first. */
static void scaling_ends_the_newest(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 2, .ready_ms = PATIENCE_MS);
	pid_t pids[4];

	await_ready(s, 2, pids);
	good(beget_service_scale(s, 4));
	await_ready(s, 2, pids + 2);
	good(beget_service_scale(s, 2));
	for (int i = 0; i < 2; i++) {
		struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
		assert_true(e.pid == pids[2] || e.pid == pids[3]);
		assert_int_equal(e.status.outcome, BEGET_EXITED);
	}
	struct beget_service_status status = service_status(s);
	assert_int_equal(status.ready, 2);
	assert_int_equal(status.finishing, 0);
	assert_int_equal(status.failed, 0);
	good(beget_service_scale(s, 0));
	until(s, BEGET_SERVICE_ENDED);
	until(s, BEGET_SERVICE_ENDED);
	good(beget_service_scale(s, 1));
	await_ready(s, 1, NULL);
	finish(s);
}

static void one_for_each_processor(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .ready_ms = PATIENCE_MS);
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(service_status(s).wanted, CPU_COUNT(&set));
	beget_service_close(s);
}

/* Closing leaves no child behind, whatever it was doing. */
static void closing_kills(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(go_on), .children = 2, .ready_ms = PATIENCE_MS);
	pid_t pids[2];

	await_ready(s, 2, pids);
	beget_service_close(s);
	assert_true(process_gone(pids[0], PATIENCE_MS) && process_gone(pids[1], PATIENCE_MS));
	s = SERVICE(method, BEGET_CALL(serve), .children = 2);
	beget_service_close(s);
	beget_service_close(NULL);
}

/* A tied child is killed with the caller. Another one is asked to finish then. */

static struct beget_service_options host_options;
static int alive[2];

static int outlive(struct beget_fd fd, bool listens)
{
	struct pollfd stop = {.fd = listens ? beget_stopping() : -1, .events = POLLIN};

	if (write(fd.fd, "a", 1) != 1)
		return 5;
	return poll(&stop, 1, 2 * PATIENCE_MS) == 1 && write(fd.fd, "b", 1) == 1 ? 0 : 6;
}

static void serve_for_ever(void)
{
	struct beget_service *s = NULL;
	struct beget_service_event e;
	const bool listens = host_options.flags & BEGET_SERVICE_UNTIED;

	CHECK(beget_service_open(&s, &host_options, BEGET_CALL(outlive, BEGET_FD(alive[1]), listens)) == 0);
	for (;;)
		CHECK(beget_service_next(s, BEGET_FOREVER, &e) == 0);
}

static void a_caller_is_killed(enum beget_method method)
{
	for (int untied = 0; untied < 2; untied++) {
		char bytes[4] = {0};
		host_options =
			*BEGET_SERVICE_OPTIONS(.flags = untied ? BEGET_SERVICE_UNTIED : 0, .children = 2,
		                               .start = BEGET_OPTIONS(.method = method, .flags = BEGET_CLOSE_FDS));
		assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
		pid_t host = host_start(serve_for_ever);
		close(alive[1]);
		assert_int_equal(read(alive[0], bytes, 1) + read(alive[0], bytes + 1, 1), 2);
		kill(host, SIGKILL);
		host_end(host);
		if (untied)
			assert_int_equal(read(alive[0], bytes + 2, 1) + read(alive[0], bytes + 3, 1), 2);
		assert_true(ends(alive[0], PATIENCE_MS));
		assert_memory_equal(bytes, untied ? "aabb" : "aa\0\0", 4);
		close(alive[0]);
	}
}

static int check_argument(const char *text, struct beget_bytes bytes, struct beget_fd fd, int (*f)(void),
                          struct beget_buffer *counters)
{
	int *ints = beget_buffer_data(counters);
	char got[4] = "";

	if (strcmp(text, "text") != 0 || bytes.size != 3 || memcmp(bytes.data, "abc", 3) != 0 || f() != (int)getpid())
		return 5;
	if (pread(fd.fd, got, 3, 0) != 3 || strcmp(got, "xyz") != 0)
		return 6;
	__atomic_add_fetch(ints, 1, __ATOMIC_RELAXED);
	return serve();
}

/* The service has its own copy of the call: the original may change or disappear at once. */
static void the_call_is_kept(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	int fd = memfd_create("argument", MFD_CLOEXEC);
	char text[] = "text", bytes[] = "abc";

	assert_int_equal(pwrite(fd, "xyz", 3, 0), 3);
	struct beget_service *s = SERVICE(
		method, BEGET_CALL(check_argument, text, BEGET_BYTES(bytes, 3), BEGET_FD(fd), own_pid, counters),
		.children = 2, .ready_ms = PATIENCE_MS);
	memset(text, 'x', 4);
	memset(bytes, 'x', 3);
	close(fd);
	await_ready(s, 2, NULL);
	good(beget_service_kill(s, 0, SIGKILL));
	await_ready(s, 2, NULL);
	assert_int_equal(ints[0], 4);
	finish(s);
	beget_buffer_free(counters);
}

static int store(int *out)
{
	return *out = 1;
}

static void what_cannot_be_served_is_refused(enum beget_method method)
{
	struct beget_service *s = NULL;
	int out = 0;
	struct beget_options *start = &(struct beget_options){.size = sizeof(*start), .method = method};
	struct beget_service_event event;

	assert_int_equal(beget_service_open(NULL, NULL, BEGET_CALL(serve)), -EINVAL);
	assert_int_equal(
		beget_service_open(&s, BEGET_SERVICE_OPTIONS(.start = start, .flags = 1u << 20), BEGET_CALL(serve)),
		-EINVAL);
	assert_int_equal(beget_service_open(&s, BEGET_SERVICE_OPTIONS(.start = start, .grace_ms = -1, .healthy_ms = -2),
	                                    BEGET_CALL(serve)),
	                 -EINVAL);
	assert_int_equal(beget_service_open(&s, BEGET_SERVICE_OPTIONS(.start = start), NULL), -EINVAL);
	assert_int_equal(
		beget_service_open(&s, BEGET_SERVICE_OPTIONS(.start = start), BEGET_CALL(store, BEGET_OUT(&out))),
		-EINVAL);
	assert_non_null(strstr(beget_error(), "sent back"));
	assert_null(s);
	assert_int_equal(beget_service_next(NULL, 0, &event), -EINVAL);
	start->out = BEGET_STREAM_PIPE(&out);
	assert_int_equal(beget_service_open(&s, BEGET_SERVICE_OPTIONS(.start = start), BEGET_CALL(serve)), -EINVAL);
	assert_non_null(strstr(beget_error(), "a pipe connects two processes"));
	s = SERVICE(method, BEGET_CALL(serve), .children = 1);
	assert_int_equal(beget_service_next(s, 0, NULL), -EINVAL);
	assert_int_equal(beget_service_status(s, NULL), -EINVAL);
	beget_service_close(s);
}

static void no_service_here(enum beget_method method)
{
	(void)method;
	assert_int_equal(beget_ready(), -ESRCH);
	assert_int_equal(beget_stopping(), -ESRCH);
	assert_int_equal(beget_beat(), -ESRCH);
	assert_int_equal(beget_recycle(), -ESRCH);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(children_start_and_finish),
		BEHAVIOUR(the_sentinel_announces_all_events),
		BEHAVIOUR(a_killed_child_is_replaced),
		BEHAVIOUR(a_child_that_does_not_listen_gets_sigterm),
		BEHAVIOUR(a_child_that_goes_on_is_killed),
		BEHAVIOUR(a_child_that_is_not_ready_in_time_is_killed),
		BEHAVIOUR(scaling_ends_the_newest),
		BEHAVIOUR(one_for_each_processor),
		BEHAVIOUR(closing_kills),
		BEHAVIOUR(a_caller_is_killed),
		BEHAVIOUR(the_call_is_kept),
		BEHAVIOUR(what_cannot_be_served_is_refused),
		BEHAVIOUR_OF(no_service_here, BY(BEGET_FORK)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
