/* A service whose children fail: when they are started again, when no longer, and what is reported. */
#include "services.h"

#include "host.h"

#include <sys/prctl.h>

/* The delays grow up to a maximum, and begin anew after a healthy time. */
static void delays_grow_and_begin_anew(enum beget_method method)
{
	static const int delays[] = {10, 20, 35, 35, 35};
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(fail_first, counters, 5), .children = 1, .boots = 20,
	                .ready_ms = PATIENCE_MS, .backoff_ms = 10, .backoff_max_ms = 35, .healthy_ms = 1);
	struct beget_service_event e;

	for (int i = 0; i < 5; i++) {
		e = until(s, BEGET_SERVICE_ENDED);
		assert_int_equal(e.status.outcome, BEGET_EXITED);
		assert_int_equal(e.status.code, i + 1);
		e = until(s, BEGET_SERVICE_RESTARTING);
		assert_int_equal(e.ms, delays[i]);
	}
	await_ready(s, 1, NULL);
	sleep_ms(5);
	assert_int_equal(beget_service_next(s, 0, &e), -ETIMEDOUT); /* it is healthy now */
	ints[0] = 0;
	good(beget_service_kill(s, 0, SIGKILL));
	e = until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(e.status.outcome, BEGET_SIGNALED);
	e = until(s, BEGET_SERVICE_ENDED); /* it was started again at once */
	assert_int_equal(e.status.code, 1);
	assert_int_equal(until(s, BEGET_SERVICE_RESTARTING).ms, 10);
	await_ready(s, 1, NULL);
	finish(s);
	beget_buffer_free(counters);
}

/* It stops after a number of failures. */
static void a_service_that_was_never_healthy_gives_up(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	struct beget_service *s = SERVICE(method, BEGET_CALL(fail_first, counters, 1000), .children = 1, .boots = 3,
	                                  .ready_ms = PATIENCE_MS, .backoff_ms = 1);
	struct beget_service_event e;

	do
		e = next_event(s);
	while (e.kind != BEGET_SERVICE_GAVE_UP);
	assert_non_null(strstr(e.text, "code 3"));
	assert_int_equal(ints[0], 3);
	assert_int_equal(next_event(s).kind, BEGET_SERVICE_STOPPED);
	assert_int_equal(beget_service_next(s, 0, &e), -ENOENT);
	beget_service_close(s);
	beget_buffer_free(counters);
}

/* Several children that fail in one round are one failure. */
static void a_round_is_one_failure(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	struct beget_service *s = SERVICE(method, BEGET_CALL(fail_first, counters, 4), .children = 4, .boots = 3,
	                                  .ready_ms = PATIENCE_MS, .backoff_ms = 200);

	await_ready(s, 4, NULL);
	finish(s);
	beget_buffer_free(counters);
}

/* Failed starts do not end a service that has been healthy. */
static void a_service_that_was_healthy_does_not_give_up(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(fail_first, counters, 6), .children = 1, .boots = 2, .ready_ms = PATIENCE_MS,
	                .backoff_ms = 1, .backoff_max_ms = 4, .healthy_ms = 1);
	struct beget_service_event e;

	ints[0] = 6;
	await_ready(s, 1, NULL);
	sleep_ms(5);
	assert_int_equal(beget_service_next(s, 0, &e), -ETIMEDOUT);
	ints[0] = 0;
	good(beget_service_kill(s, 0, SIGKILL));
	for (int i = 0; i < 7; i++)
		until(s, BEGET_SERVICE_ENDED);
	await_ready(s, 1, NULL);
	finish(s);
	beget_buffer_free(counters);
}

static int end_with(int code)
{
	if (code < 0)
		raise(-code);
	return code ? exit(code), 0 : 0;
}

/* Each end is reported with its status. */
static void each_end_is_an_event(enum beget_method method)
{
	static const int codes[] = {0, 7, -SIGTERM, -SIGKILL};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct beget_service *s =
			SERVICE(method, BEGET_CALL(end_with, codes[i]), .children = 1, .backoff_ms = 1000);
		struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
		assert_true(e.pid > 0);
		assert_int_equal(e.version, 1);
		assert_int_equal(e.status.outcome, codes[i] < 0 ? BEGET_SIGNALED : BEGET_EXITED);
		assert_int_equal(e.status.code, abs(codes[i]));
		assert_int_equal(next_event(s).kind, BEGET_SERVICE_RESTARTING);
		beget_service_close(s);
	}
}

/* The program chooses whether children are replaced. */
static void replacing_is_a_choice(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(end_with, 0), .children = 2, .restart = BEGET_RESTART_FAILED);
	struct beget_service_event e;

	until(s, BEGET_SERVICE_ENDED);
	until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(next_event(s).kind, BEGET_SERVICE_STOPPED);
	assert_int_equal(service_status(s).started, 2);
	beget_service_close(s);
	s = SERVICE(method, BEGET_CALL(end_with, 3), .children = 1, .restart = BEGET_RESTART_FAILED, .backoff_ms = 1);
	until(s, BEGET_SERVICE_ENDED);
	until(s, BEGET_SERVICE_ENDED);
	beget_service_close(s);
	s = SERVICE(method, BEGET_CALL(end_with, -SIGKILL), .children = 1, .restart = BEGET_RESTART_NEVER);
	until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(next_event(s).kind, BEGET_SERVICE_STOPPED);
	assert_int_equal(beget_service_next(s, 0, &e), -ENOENT);
	beget_service_close(s);
}

/* A host that is a subreaper has children that do not belong to the service, and keeps them. */
static enum beget_method foreign_method;

static void have_foreign_children(void)
{
	struct beget_service *s = NULL;
	struct beget_service_event e;
	int status, seen = 0;
	pid_t foreign[5];

	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	CHECK(beget_service_open(&s,
	                         BEGET_SERVICE_OPTIONS(.start = BEGET_OPTIONS(.method = foreign_method), .children = 2,
	                                               .ready_ms = PATIENCE_MS),
	                         BEGET_CALL(serve)) == 0);
	while (seen < 2) {
		CHECK(beget_service_next(s, PATIENCE_MS, &e) == 0);
		seen += e.kind == BEGET_SERVICE_READY;
	}
	for (int i = 0; i < 5; i++) {
		foreign[i] = fork();
		CHECK(foreign[i] >= 0);
		if (foreign[i] == 0)
			_exit(40 + i);
	}
	for (int i = 0; i < 20; i++, sleep_ms(1))
		CHECK(beget_service_next(s, 0, &e) == -ETIMEDOUT);
	for (int i = 0; i < 5; i++)
		CHECK(waitpid(foreign[i], &status, 0) == foreign[i] && WEXITSTATUS(status) == 40 + i);
	CHECK(beget_service_stop(s, PATIENCE_MS) == 0);
	do {
		CHECK(beget_service_next(s, PATIENCE_MS, &e) == 0);
		CHECK(e.kind != BEGET_SERVICE_ENDED || (e.status.outcome == BEGET_EXITED && e.status.code == 0));
	} while (e.kind != BEGET_SERVICE_STOPPED);
	beget_service_close(s);
}

static void foreign_children_do_not_count(enum beget_method method)
{
	foreign_method = method;
	run_host(have_foreign_children);
}

static int serve_with(struct beget_fd fd)
{
	return fd.fd < 0 ? 5 : serve();
}

static int descriptors_of_a_copy(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(count_descriptors());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* In a forked copy of the program, the service belongs to the original. */
static void a_copy_has_no_service(enum beget_method method)
{
	int status = -1, others = descriptors_of_a_copy();
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve_with, BEGET_FD(STDERR_FILENO)), .children = 1,
	                                  .ready_ms = PATIENCE_MS);
	struct beget_service_event e;

	await_ready(s, 1, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		bool refused = beget_service_next(s, 0, &e) == -ECHILD && beget_service_stop(s, 0) == -ECHILD;
		for (int i = 0; i < 20; i++) /* has the numbers that the service has in the original */
			if (dup(STDERR_FILENO) < 0)
				_exit(2);
		int before = count_descriptors();
		beget_service_close(s);
		_exit(refused && count_descriptors() == before ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(descriptors_of_a_copy(), others);
	assert_int_equal(service_status(s).ready, 1);
	finish(s);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(delays_grow_and_begin_anew),    BEHAVIOUR(a_service_that_was_never_healthy_gives_up),
		BEHAVIOUR(a_round_is_one_failure),        BEHAVIOUR(a_service_that_was_healthy_does_not_give_up),
		BEHAVIOUR(each_end_is_an_event),          BEHAVIOUR(replacing_is_a_choice),
		BEHAVIOUR(foreign_children_do_not_count), BEHAVIOUR(a_copy_has_no_service),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
