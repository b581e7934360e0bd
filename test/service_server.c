/* A service whose children are forks of a server, which is prepared while the service continues. */
#include "services.h"

/* What the caller shares with servers and children. */
enum { LOADS, GATE, SERVED, NUMBERS };
enum { CLOSED, OPEN, FAILING };

static int loaded; /* in a server and its children */

/* Waits until the gate is not closed. */
static int load(struct beget_buffer *numbers)
{
	volatile int *ints = beget_buffer_data(numbers);

	loaded = add_one(numbers, LOADS);
	return changes(&ints[GATE], CLOSED) && ints[GATE] == OPEN ? 0 : -ENOENT;
}

static int serve_loaded(struct beget_buffer *numbers)
{
	volatile int *ints = beget_buffer_data(numbers);

	ints[SERVED] = loaded;
	return serve();
}

static struct beget_server *open_server(struct beget_buffer *numbers)
{
	struct beget_server *server = NULL;

	good(beget_server_open(
		&server, BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(load, numbers))));
	return server;
}

/* A service of two children. */
static struct beget_service *open_with(struct beget_server *server, struct beget_buffer *numbers, unsigned flags)
{
	return open_service(BEGET_SERVICE_OPTIONS(.children = 2, .flags = flags, .ready_ms = PATIENCE_MS,
	                                          .backoff_ms = 1, .start = BEGET_OPTIONS(.server = server)),
	                    BEGET_CALL(serve_loaded, numbers));
}

/* Nothing happens, and the call returns although the server is not prepared. */
static void expect_to_wait(struct beget_service *s, unsigned ready)
{
	struct beget_service_event e;

	for (int i = 0; i < 5; i++)
		assert_int_equal(beget_service_next(s, 10, &e), -ETIMEDOUT);
	struct beget_service_status status = service_status(s);
	assert_int_equal(status.ready, ready);
	assert_int_equal(status.starting + status.finishing, 0);
}

/* Only when the descriptor is readable. */
static struct beget_service_event poll_until(struct beget_service *s, enum beget_service_kind kind)
{
	struct pollfd sentinel = {.fd = beget_service_sentinel(s), .events = POLLIN};
	struct beget_service_event e = {0};

	while (e.kind != kind) {
		assert_int_equal(poll(&sentinel, 1, PATIENCE_MS), 1);
		if (beget_service_next(s, 0, &e) < 0)
			e.kind = 0;
	}
	return e;
}

/* The descriptor is not readable all the time. */
static void expect_rest(struct beget_service *s)
{
	struct pollfd sentinel = {.fd = beget_service_sentinel(s), .events = POLLIN};
	struct beget_service_event e;
	int calls = 0;

	while (poll(&sentinel, 1, 20) == 1 && calls++ < 100)
		(void)beget_service_next(s, 0, &e);
	assert_true(calls < 100);
}

static void a_service_waits_for_its_server(void)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);
	struct beget_server *server = open_server(numbers);
	struct beget_service *s = open_with(server, numbers, 0);

	expect_to_wait(s, 0);
	ints[GATE] = OPEN;
	poll_until(s, BEGET_SERVICE_READY);
	poll_until(s, BEGET_SERVICE_READY);
	expect_rest(s);
	assert_int_equal(ints[LOADS], 1);
	finish(s);
	beget_server_close(server);
	beget_buffer_free(numbers);
}

/* The old children continue until the new server is prepared. */
static void reload(unsigned flags)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);

	ints[GATE] = OPEN;
	struct beget_server *old = open_server(numbers);
	struct beget_service *s = open_with(old, numbers, flags);
	await_ready(s, 2, NULL);
	assert_int_equal(ints[SERVED], 1);
	ints[GATE] = CLOSED;
	struct beget_server *new = open_server(numbers);
	good(beget_service_reload(s, BEGET_OPTIONS(.server = new), NULL));
	expect_to_wait(s, 2);
	ints[GATE] = OPEN;
	poll_until(s, BEGET_SERVICE_RELOADED);
	expect_rest(s);
	beget_server_close(old);
	assert_int_equal(ints[SERVED], 2);
	good(beget_service_kill(s, 0, SIGKILL));
	await_ready(s, 2, NULL);
	assert_int_equal(ints[LOADS], 2);
	finish(s);
	beget_server_close(new);
	beget_buffer_free(numbers);
}

static void a_reload_waits_for_its_server(void)
{
	reload(0);
}

static void a_reload_one_by_one_waits_too(void)
{
	reload(BEGET_SERVICE_ONE_BY_ONE);
}

/* A server that cannot be prepared counts as a child that fails. */
static void a_server_that_fails(void)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);

	ints[GATE] = FAILING;
	struct beget_server *server = open_server(numbers);
	struct beget_service *s = open_with(server, numbers, 0);
	struct beget_service_event e = until(s, BEGET_SERVICE_ENDED);
	assert_int_equal(e.status.outcome, BEGET_FAILED);
	assert_int_equal(e.pid, 0);
	assert_non_null(strstr(e.text, "the prepare call"));
	poll_until(s, BEGET_SERVICE_RESTARTING);
	e = poll_until(s, BEGET_SERVICE_GAVE_UP);
	assert_non_null(strstr(e.text, "the prepare call"));
	assert_int_equal(ints[LOADS], 5);
	beget_service_close(s);
	beget_server_close(server);
	beget_buffer_free(numbers);
}

static void a_reload_whose_server_fails(void)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);

	ints[GATE] = OPEN;
	struct beget_server *old = open_server(numbers);
	struct beget_service *s = open_with(old, numbers, 0);
	await_ready(s, 2, NULL);
	ints[GATE] = FAILING;
	struct beget_server *new = open_server(numbers);
	good(beget_service_reload(s, BEGET_OPTIONS(.server = new), NULL));
	assert_non_null(strstr(poll_until(s, BEGET_SERVICE_RELOAD_FAILED).text, "the prepare call"));
	beget_server_close(new);
	expect_to_wait(s, 2);
	finish(s);
	beget_server_close(old);
	beget_buffer_free(numbers);
}

/* The preparation is repeated, and the service does not wait for it either. */
static void a_server_that_was_killed(void)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);
	struct beget_server_status status;
	pid_t pids[2];

	ints[GATE] = OPEN;
	struct beget_server *server = open_server(numbers);
	struct beget_service *s = open_with(server, numbers, 0);
	await_ready(s, 2, pids);
	good(beget_server_status(server, &status));
	ints[GATE] = CLOSED;
	assert_int_equal(kill(status.pid, SIGKILL), 0);
	assert_true(process_gone(status.pid, PATIENCE_MS));
	good(beget_service_kill(s, pids[0], SIGKILL));
	while (ints[LOADS] < 2) {
		struct beget_service_event e;
		int error = beget_service_next(s, 10, &e);
		assert_true(error == 0 || error == -ETIMEDOUT);
	}
	ints[GATE] = OPEN;
	poll_until(s, BEGET_SERVICE_READY);
	finish(s);
	beget_server_close(server);
	beget_buffer_free(numbers);
}

/* A reload with a new server; then the old one is closed. */
static void renew_server(struct beget_service *s, struct beget_server **server, struct beget_buffer *numbers)
{
	struct beget_server *old = *server;

	*server = open_server(numbers);
	reload_once(s, BEGET_OPTIONS(.server = *server));
	beget_server_close(old);
}

static void a_hundred_servers_leak_nothing(void)
{
	volatile int *ints;
	struct beget_buffer *numbers = shared_ints(NUMBERS, &ints);
	const int reloads = often(100);

	ints[GATE] = OPEN;
	struct beget_server *server = open_server(numbers);
	struct beget_service *s = open_with(server, numbers, 0);
	await_ready(s, 2, NULL);
	for (int i = 0; i < 5; i++)
		renew_server(s, &server, numbers);
	const struct possessions before = count_all(s);
	for (int i = 0; i < reloads; i++)
		renew_server(s, &server, numbers);
	expect_no_more(s, &before);
	assert_int_equal(ints[LOADS], reloads + 6);
	assert_int_equal(ints[SERVED], reloads + 6);
	finish(s);
	beget_server_close(server);
	beget_buffer_free(numbers);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(a_service_waits_for_its_server), UNIT(a_reload_waits_for_its_server),
		UNIT(a_reload_one_by_one_waits_too),  UNIT(a_server_that_fails),
		UNIT(a_reload_whose_server_fails),    UNIT(a_server_that_was_killed),
		UNIT(a_hundred_servers_leak_nothing),
	};

	keep_no_freed_blocks(argv);
	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
