/* A service whose children are replaced by others: reloads and recycling. */
#include "services.h"

static int serve_as(struct beget_buffer *counters, int number)
{
	add_one(counters, number);
	return serve();
}

/* Waits for the event, and records the largest number of children and whether there were ever too few. */
struct watch {
	unsigned ready, all, least_ready, most_all;
};

static void count_event(struct watch *w, const struct beget_service_event *e)
{
	w->all += e->kind == BEGET_SERVICE_STARTED;
	w->all -= e->kind == BEGET_SERVICE_ENDED;
	w->most_all = w->all > w->most_all ? w->all : w->most_all;
}

static struct beget_service_event watch_until(struct beget_service *s, enum beget_service_kind kind, struct watch *w)
{
	struct beget_service_event e;

	do {
		e = next_event(s);
		count_event(w, &e);
		unsigned ready = service_status(s).ready;
		w->least_ready = ready < w->least_ready ? ready : w->least_ready;
	} while (e.kind != kind);
	return e;
}

/* The new children are ready before the old ones are asked to finish. */
static void a_reload_makes_before_it_breaks(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(2, &ints);
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(serve_as, counters, 0), .children = 3, .ready_ms = PATIENCE_MS);
	struct watch w = {.all = 3, .most_all = 3, .least_ready = 3};
	struct beget_service_event e;

	await_ready(s, 3, NULL);
	good(beget_service_reload(s, NULL, BEGET_CALL(serve_as, counters, 1)));
	e = watch_until(s, BEGET_SERVICE_RELOADED, &w);
	assert_int_equal(e.version, 2);
	assert_true(w.least_ready >= 3);
	while (w.all > 3) {
		e = watch_until(s, BEGET_SERVICE_ENDED, &w);
		assert_int_equal(e.version, 1);
		assert_int_equal(e.status.outcome, BEGET_EXITED);
	}
	struct beget_service_status status = service_status(s);
	assert_int_equal(status.ready, 3);
	assert_int_equal(status.version, 2);
	assert_int_equal(status.reloads, 1);
	assert_int_equal(status.failed, 0);
	assert_int_equal(ints[1], 3);
	good(beget_service_kill(s, 0, SIGKILL)); /* their replacements are of the new version */
	await_ready(s, 3, NULL);
	assert_int_equal(ints[0], 3);
	assert_int_equal(ints[1], 6);
	finish(s);
	beget_buffer_free(counters);
}

static int fail_at_once(void)
{
	exit(77);
}

/* If the new children do not become ready, the old ones continue. */
static void a_reload_that_fails_leaves_the_old(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(serve), .children = 2, .ready_ms = PATIENCE_MS, .boots = 2, .backoff_ms = 1);
	struct beget_service_event e;
	pid_t pids[2];

	await_ready(s, 2, pids);
	good(beget_service_reload(s, NULL, BEGET_CALL(fail_at_once)));
	do {
		e = next_event(s);
		assert_int_not_equal(e.kind, BEGET_SERVICE_READY);
		assert_true(e.kind != BEGET_SERVICE_ENDED || (e.pid != pids[0] && e.pid != pids[1]));
	} while (e.kind != BEGET_SERVICE_RELOAD_FAILED);
	assert_non_null(strstr(e.text, "code 77"));
	assert_int_equal(service_status(s).ready, 2);
	assert_int_equal(service_status(s).reloads, 0);
	good(beget_service_kill(s, pids[0], SIGKILL)); /* and they are replaced by children of the old version */
	await_ready(s, 1, NULL);
	assert_int_equal(service_status(s).ready, 2);
	finish(s);
}

/* There are never more children than wanted. */
static void a_reload_one_by_one(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 3, .ready_ms = PATIENCE_MS,
	                                  .flags = BEGET_SERVICE_ONE_BY_ONE);
	struct watch w = {.all = 3, .most_all = 3, .least_ready = 3};

	await_ready(s, 3, NULL);
	good(beget_service_reload(s, NULL, NULL));
	watch_until(s, BEGET_SERVICE_RELOADED, &w);
	assert_int_equal(w.most_all, 3);
	assert_int_equal(w.least_ready, 2);
	struct beget_service_status status = service_status(s);
	assert_int_equal(status.ready, 3);
	assert_int_equal(status.finishing, 0);
	finish(s);
}

static void a_reload_one_by_one_that_fails(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 2, .ready_ms = PATIENCE_MS, .boots = 2,
	                                  .backoff_ms = 1, .flags = BEGET_SERVICE_ONE_BY_ONE);

	await_ready(s, 2, NULL);
	good(beget_service_reload(s, NULL, BEGET_CALL(fail_at_once)));
	until(s, BEGET_SERVICE_RELOAD_FAILED);
	while (service_status(s).ready < 2) /* the event of the replacement may have come first */
		(void)next_event(s);
	finish(s);
}

/* A finishing child does not take the place of a new one, and the number of finishing children is limited. */
static int go_on(void)
{
	signal(SIGTERM, SIG_IGN);
	beget_ready();
	sleep_ms(PATIENCE_MS);
	return 0;
}

static void finishing_children_are_bounded(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(go_on), .children = 2, .ready_ms = PATIENCE_MS, .grace_ms = BEGET_FOREVER);

	int reloads = 0, ended = 0;
	await_ready(s, 2, NULL);
	good(beget_service_reload(s, NULL, NULL));
	while (reloads < 3 || ended < 4) {
		struct beget_service_event e = next_event(s);
		if (e.kind == BEGET_SERVICE_RELOADED) {
			assert_int_equal(service_status(s).ready, 2);
			if (++reloads < 3)
				good(beget_service_reload(s, NULL, NULL));
		}
		if (e.kind != BEGET_SERVICE_ENDED)
			continue;
		ended++;
		assert_true(e.version <= 2);
		assert_int_equal(e.status.code, SIGKILL);
	}
	assert_int_equal(service_status(s).finishing, 2);
	beget_service_close(s);
}

static void a_hundred_reloads_leak_nothing(enum beget_method method)
{
	struct beget_service *s = SERVICE(method, BEGET_CALL(serve), .children = 1, .ready_ms = PATIENCE_MS);

	await_ready(s, 1, NULL);
	for (int i = 0; i < 5; i++)
		reload_once(s, NULL);
	const struct possessions before = count_all(s);
	for (int i = 0; i < often(method == BEGET_FORKSERVER ? 100 : 30); i++)
		reload_once(s, NULL);
	expect_no_more(s, &before);
	finish(s);
}

/* The latest reload counts. */
static void a_reload_takes_the_place_of_another(enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(3, &ints);
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(serve_as, counters, 0), .children = 2, .ready_ms = PATIENCE_MS);

	await_ready(s, 2, NULL);
	good(beget_service_reload(s, NULL, BEGET_CALL(wait_until_asked))); /* never ready */
	good(beget_service_reload(s, NULL, BEGET_CALL(serve_as, counters, 2)));
	assert_int_equal(until(s, BEGET_SERVICE_RELOADED).version, 3);
	while (service_status(s).starting || service_status(s).finishing) {
		struct beget_service_event e = next_event(s);
		assert_true(e.kind != BEGET_SERVICE_ENDED || e.status.outcome != BEGET_EXITED || e.status.code == 0);
	}
	assert_int_equal(ints[2], 2);
	assert_int_equal(service_status(s).reloads, 1);
	finish(s);
	beget_buffer_free(counters);
}

/* Never more than one child at once, and its replacement is ready before it is asked to finish. */
static void recycling_is_staggered(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(serve), .children = 3, .ready_ms = PATIENCE_MS, .lifetime_ms = 30);
	int ended = 0;

	await_ready(s, 3, NULL);
	while (ended < 6) {
		struct beget_service_event e = next_event(s);
		struct beget_service_status status = service_status(s);
		assert_true(status.ready >= 3);
		assert_true(status.starting + status.ready + status.finishing <= 4);
		assert_true(e.kind != BEGET_SERVICE_ENDED || e.status.outcome == BEGET_EXITED);
		ended += e.kind == BEGET_SERVICE_ENDED;
	}
	assert_int_equal(service_status(s).failed, 0);
	assert_true(service_status(s).recycled >= 6);
	finish(s);
}

static int ask_for_a_replacement(void)
{
	return beget_stopping() < 0 || beget_ready() || beget_recycle() ? 8 : wait_until_asked();
}

static void a_child_can_ask_for_a_replacement(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(ask_for_a_replacement), .children = 1, .ready_ms = PATIENCE_MS);

	pid_t pid = until(s, BEGET_SERVICE_READY).pid;
	assert_int_equal(until(s, BEGET_SERVICE_RECYCLING).pid, pid);
	until(s, BEGET_SERVICE_READY);
	while (until(s, BEGET_SERVICE_ENDED).pid != pid) /* its replacement has asked for another */
		;
	finish(s);
}

/* A child that is killed at any moment blocks no other. */
static void killed_children_block_nothing(enum beget_method method)
{
	struct beget_service *s =
		SERVICE(method, BEGET_CALL(beat), .children = 2, .ready_ms = PATIENCE_MS, .heartbeat_ms = PATIENCE_MS,
	                .healthy_ms = 1, .backoff_ms = 1, .backoff_max_ms = 2);

	for (int i = 0; i < often(20); i++) {
		pid_t pid = until(s, BEGET_SERVICE_READY).pid;
		sleep_ms(i % 7);
		(void)beget_service_kill(s, pid, SIGKILL);
	}
	finish(s);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(a_reload_makes_before_it_breaks),
		BEHAVIOUR(a_reload_that_fails_leaves_the_old),
		BEHAVIOUR(a_reload_one_by_one),
		BEHAVIOUR(a_reload_one_by_one_that_fails),
		BEHAVIOUR(finishing_children_are_bounded),
		BEHAVIOUR(a_hundred_reloads_leak_nothing),
		BEHAVIOUR(a_reload_takes_the_place_of_another),
		BEHAVIOUR(recycling_is_staggered),
		BEHAVIOUR(a_child_can_ask_for_a_replacement),
		BEHAVIOUR(killed_children_block_nothing),
	};

	keep_no_freed_blocks(argv);
	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
