/* A server that is prepared while the caller does other work. */
#include "pools.h"

#include <poll.h>
#include <sys/wait.h>

static struct beget_server *open_server(const struct beget_server_options *options)
{
	struct beget_server *s = NULL;

	good(beget_server_open(&s, options));
	return s;
}

static int int_from(struct beget_server *s, const struct beget_call *call)
{
	return int_result_with(BEGET_OPTIONS(.server = s), call);
}

static int gate_open; /* in the server and its children */

static int prepare(struct beget_buffer *gate)
{
	volatile int *ints = beget_buffer_data(gate);

	gate_open = changes(&ints[0], 0) ? ints[0] : -1;
	return gate_open == 2 ? -ENOENT : 0;
}

static int read_gate(void)
{
	return gate_open;
}

static void the_caller_goes_on(void)
{
	volatile int *ints;
	struct beget_buffer *gate = shared_ints(1, &ints);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(prepare, gate)));
	struct pollfd sentinel = {.fd = beget_server_sentinel(s), .events = POLLIN};
	int error;

	assert_true(sentinel.fd >= 0);
	assert_int_equal(beget_server_wait(s, 20), -ETIMEDOUT); /* it waits for us */
	assert_int_equal(beget_server_wait(s, 0), -ETIMEDOUT);
	ints[0] = 1;
	do {
		assert_int_equal(poll(&sentinel, 1, PATIENCE_MS), 1);
		error = beget_server_wait(s, 0);
	} while (error == -ETIMEDOUT);
	good(error);
	assert_int_equal(poll(&sentinel, 1, 0), 1);
	assert_int_equal(int_from(s, BEGET_CALL(read_gate)), 1);
	assert_int_equal(int_result_with(BEGET_OPTIONS(.server = s, .method = BEGET_SPAWN), BEGET_CALL(read_gate)), 0);
	beget_server_close(s);
	beget_buffer_free(gate);
}

static void open_later(volatile int *ints, int value)
{
	pid_t pid = fork();

	if (pid == 0) {
		sleep_ms(50);
		ints[0] = value;
		_exit(0);
	}
	assert_true(pid > 0);
}

/* A start needs a prepared server, and so it waits. */
static void a_start_waits(void)
{
	volatile int *ints;
	struct beget_buffer *gate = shared_ints(1, &ints);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(prepare, gate)));

	open_later(ints, 1);
	assert_int_equal(int_from(s, BEGET_CALL(read_gate)), 1);
	good(beget_server_wait(s, 0));
	while (wait(NULL) > 0)
		;
	beget_server_close(s);
	beget_buffer_free(gate);
}

static void a_failure_is_reported(void)
{
	volatile int *ints;
	struct beget_buffer *gate = shared_ints(1, &ints);
	struct beget_server *s =
		open_server(BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(prepare, gate)));

	ints[0] = 2;
	assert_int_equal(beget_server_wait(s, PATIENCE_MS), -ENOENT);
	assert_non_null(strstr(beget_error(), "prepare call"));
	ints[0] = 1; /* and the next look tries again */
	good(beget_server_wait(s, PATIENCE_MS));
	beget_server_close(s);
	s = open_server(BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .timeout_ms = 30,
	                                     .prepare = BEGET_CALL(prepare, gate)));
	beget_server_close(s); /* while it is under way */
	ints[0] = 0;
	s = open_server(BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .timeout_ms = 30,
	                                     .prepare = BEGET_CALL(prepare, gate)));
	assert_int_equal(beget_server_wait(s, PATIENCE_MS), -ETIMEDOUT);
	assert_non_null(strstr(beget_error(), "did not answer in time"));
	beget_server_close(s);
	beget_buffer_free(gate);
}

static void other_servers_have_no_sentinel(void)
{
	struct beget_server *s = open_server(NULL);

	assert_int_equal(beget_server_sentinel(s), -EINVAL);
	assert_int_equal(beget_server_wait(s, 0), -EINVAL);
	assert_int_equal(beget_server_wait(NULL, 0), -EINVAL);
	beget_server_close(s);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {
		UNIT(the_caller_goes_on),
		UNIT(a_start_waits),
		UNIT(a_failure_is_reported),
		UNIT(other_servers_have_no_sentinel),
	};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
