/* Each system call and allocation of the caller fails in turn while a service is opened, starts children, reloads,
 * scales and stops. A request fails with a sentence and can be repeated; what fails between requests is an event, and
 * the service continues. The same with a server that is opened without waiting. Nothing leaks. */
#include "fault.h"
#include "services.h"

#include <fcntl.h>

struct point {
	int x;
	double y;
};
#define POINT BEGET_LAYOUT(struct point, BEGET_MEMBER(struct point, x), BEGET_MEMBER(struct point, y))

static int serve_with(const char *text, struct beget_fd fd, struct point p, int (*f)(void), struct beget_buffer *b)
{
	if (strcmp(text, "text") != 0 || p.x != 2 || p.y != 3 || f() != (int)getpid() || fcntl(fd.fd, F_GETFD) < 0)
		return 5;
	add_one(b, 0);
	return serve();
}

static pid_t caller;

static int in_caller(const char *call)
{
	return getpid() == caller ? fault_ask(call) : 0;
}

/* An error has a sentence, and there is none without a fault. */
static bool failed(int error)
{
	if (error < 0)
		assert_true(fault.hits > 0 && beget_error()[0]);
	return error < 0;
}

/* Repeats a request that fails. */
#define REQUEST(request)                                                                                               \
	do {                                                                                                           \
		if (failed(request))                                                                                   \
			good(request);                                                                                 \
	} while (0)

static void check_event(const struct beget_service_event *e)
{
	assert_true(e->text[0]);
	assert_true(e->kind != BEGET_SERVICE_GAVE_UP && e->kind != BEGET_SERVICE_RELOAD_FAILED);
	if (e->kind == BEGET_SERVICE_ENDED && (e->status.outcome != BEGET_EXITED || e->status.code != 0) &&
	    fault.hits == 0)
		fail_msg("%s", e->text);
}

/* Waits until that many children of the newest version serve, and no others. */
static void settle(struct beget_service *s, unsigned children)
{
	struct beget_service_status status;

	while (status = service_status(s),
	       status.ready != children || status.reloading || status.starting || status.finishing) {
		struct beget_service_event e = next_event(s);
		check_event(&e);
	}
}

static void stop(struct beget_service *s)
{
	struct beget_service_event e;

	REQUEST(beget_service_stop(s, PATIENCE_MS));
	do {
		e = next_event(s);
		check_event(&e);
	} while (e.kind != BEGET_SERVICE_STOPPED);
	beget_service_close(s);
}

static struct beget_service *open_one(const struct beget_options *start, const struct beget_call *call)
{
	struct beget_service *s = NULL;
	int error = beget_service_open(&s,
	                               BEGET_SERVICE_OPTIONS(.children = 1, .ready_ms = PATIENCE_MS, .healthy_ms = 1,
	                                                     .backoff_ms = 1, .start = start),
	                               call);

	assert_true(failed(error) ? !s : s != NULL);
	return s;
}

static void use_a_service(enum beget_method method, struct beget_buffer *counters)
{
	const struct beget_options *start = BEGET_OPTIONS(.method = method);
	const struct point p = {2, 3};
	const struct beget_call *call =
		BEGET_CALL(serve_with, "text", BEGET_FD(STDIN_FILENO), BEGET_STRUCT(POINT, p), own_pid, counters);
	struct beget_service *s = open_one(start, call);

	if (!s)
		return;
	settle(s, 1);
	REQUEST(beget_service_reload(s, start, call));
	settle(s, 1);
	REQUEST(beget_service_scale(s, 2));
	settle(s, 2);
	REQUEST(beget_service_scale(s, 1));
	settle(s, 1);
	stop(s);
}

static int prepared; /* in a server and its children */

static int prepare(struct beget_buffer *counters)
{
	prepared = add_one(counters, 0);
	return 0;
}

static int serve_prepared(struct beget_buffer *counters)
{
	return prepared && add_one(counters, 0) ? serve() : 5;
}

/* As a program with an event loop. */
static void wait_for(struct beget_server *server)
{
	struct pollfd sentinel = {.fd = beget_server_sentinel(server), .events = POLLIN};
	int error;

	do {
		assert_int_equal(poll(&sentinel, 1, PATIENCE_MS), 1);
		error = beget_server_wait(server, 0);
	} while (error == -ETIMEDOUT || failed(error));
}

static struct beget_server *open_a_server(struct beget_buffer *counters)
{
	struct beget_server *server = NULL;
	int error = beget_server_open(
		&server, BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(prepare, counters)));

	assert_true(failed(error) ? !server : server != NULL);
	return server;
}

/* The first server is prepared by the caller, the second by the service. */
static void use_servers(enum beget_method method, struct beget_buffer *counters)
{
	struct beget_server *first = open_a_server(counters), *second = NULL;

	if (!first)
		return;
	wait_for(first);
	struct beget_service *s =
		open_one(BEGET_OPTIONS(.method = method, .server = first), BEGET_CALL(serve_prepared, counters));
	if (s) {
		settle(s, 1);
		second = open_a_server(counters);
		if (second)
			REQUEST(beget_service_reload(s, BEGET_OPTIONS(.method = method, .server = second), NULL));
		settle(s, 1);
		stop(s);
	}
	beget_server_close(first);
	beget_server_close(second);
}

typedef void life(enum beget_method, struct beget_buffer *);

/* Returns false once there are fewer calls than n. */
static bool fails(const char *call, int n, life *live, enum beget_method method)
{
	volatile int *ints;
	struct beget_buffer *counters = shared_ints(1, &ints);
	int before = count_descriptors();

	fault_nth(call, n, EMFILE);
	beget__fault_hook = in_caller;
	live(method, counters);
	bool hit = fault_off() > 0;
	if (count_descriptors() != before)
		fail_msg("%s %d: %d descriptors, not %d", call, n, count_descriptors(), before);
	beget_buffer_free(counters);
	return hit;
}

static void each_call(life *live, enum beget_method method)
{
	static const char *const calls[] = {
		" alloc ",       " epoll_create ", " timerfd_create ", " epoll_ctl ",    " open ",
		" dup ",         " socketpair ",   " fork ",           " clone ",        " memfd_create ",
		" mmap ",        " ftruncate ",    " pidfd_open ",     " clone_pidfd ",  " sendmsg ",
		" sendmsg_fds ", " recvmsg ",      " poll ",           " waitid_pidfd ",
	};

	caller = getpid();
	helper_pid();
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		for (int n = 1; fails(calls[i], n, live, method); n++)
			assert_true(n < 200);
}

static void of_a_service(enum beget_method method)
{
	each_call(use_a_service, method);
}

static void of_servers(enum beget_method method)
{
	each_call(use_servers, method);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(of_a_service),
		BEHAVIOUR_OF(of_servers, BY(BEGET_FORKSERVER)),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
