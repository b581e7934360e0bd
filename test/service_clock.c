/* A service and time: heartbeats, and time in which the children could not run, or the caller did not look. */
#include "services.h"

/* The event has the child's pid and the time. */
static void a_silent_child_is_named(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(beat), .children = 2, .ready_ms = PATIENCE_MS, .heartbeat_ms = scaled(1000));
	struct beget_service_event e;
	pid_t pids[2];

	await_ready(s, 2, pids);
	kill(pids[1], SIGSTOP);
	do {
		e = until(s, BEGET_SERVICE_SILENT);
	} while (e.pid != pids[1]);
	assert_true(e.ms >= scaled(1000));
	assert_non_null(strstr(e.text, "ms"));
	good(beget_service_kill(s, e.pid, SIGKILL));
	await_ready(s, 1, NULL);
	finish(s);
}

/* Neither children nor caller run for this time, as if the machine or a container was frozen. */
static void stand_still(const pid_t *pids, int n, int ms)
{
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGSTOP);
	sleep_ms(ms);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGCONT);
}

/* Takes a while to become ready and to finish. */
static int serve_slowly(void)
{
	for (int i = 0; i < 20; i++)
		sleep_ms(5);
	int code = beat();
	for (int i = 0; i < 20; i++)
		sleep_ms(5);
	return code;
}

/* No child counts as silent then, and none is killed because its time has expired meanwhile. */
static void a_standstill_does_not_count(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve_slowly), .children = 2, .ready_ms = scaled(1000),
	                                  .heartbeat_ms = scaled(400));
	struct beget_service_event e;
	pid_t pids[2];

	pids[0] = until(s, BEGET_SERVICE_STARTED).pid;
	pids[1] = until(s, BEGET_SERVICE_STARTED).pid;
	stand_still(pids, 2, scaled(1150));
	await_ready(s, 2, NULL);
	stand_still(pids, 2, scaled(550));
	assert_int_equal(beget_service_next(s, 0, &e), -ETIMEDOUT);
	good(beget_service_stop(s, scaled(400)));
	stand_still(pids, 2, scaled(550));
	for (int i = 0; i < 2; i++) {
		e = until(s, BEGET_SERVICE_ENDED);
		assert_int_equal(e.status.outcome, BEGET_EXITED);
	}
	assert_int_equal(service_status(s).failed, 0);
	beget_service_close(s);
}

/* A caller that always comes late still finds out which child is silent, and kills those that do not finish. */
static void a_slow_caller(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(beat), .children = 20, .ready_ms = PATIENCE_MS, .heartbeat_ms = scaled(100));
	struct beget_service_event e;
	int silent = 0, ended = 0;
	pid_t pids[20];

	await_ready(s, 20, pids);
	kill(pids[0], SIGSTOP);
	for (int i = 0; i < 4; i++) {
		sleep_ms(scaled(300));
		while (beget_service_next(s, 0, &e) == 0) {
			assert_int_equal(e.kind, BEGET_SERVICE_SILENT);
			assert_int_equal(e.pid, pids[0]);
			silent++;
		}
	}
	assert_true(silent > 0);
	good(beget_service_stop(s, scaled(100)));
	for (int64_t end = now_ms() + PATIENCE_MS; ended < 20 && now_ms() < end; sleep_ms(scaled(300)))
		while (beget_service_next(s, 0, &e) == 0)
			ended += e.kind == BEGET_SERVICE_ENDED;
	assert_int_equal(ended, 20);
	beget_service_close(s);
}

/* A child that reports more than the caller reads neither fails nor waits. */
static int beat_often(struct beget_buffer *counters)
{
	beget_ready();
	for (int i = 0; i < 5000; i++)
		if (beget_beat())
			return 7;
	add_one(counters, 0);
	return beat();
}

static void a_caller_that_reads_nothing(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(beat_often, counters), .children = 1, .ready_ms = PATIENCE_MS);

	await_ready(s, 1, NULL);
	assert_true(changes(&ints[0], 0));
	finish(s);
	beget_buffer_free(counters);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR_OF(a_silent_child_is_named, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(a_standstill_does_not_count),
		BEHAVIOUR_OF(a_slow_caller, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(a_caller_that_reads_nothing),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
