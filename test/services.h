/* Helpers for tests of services: a failure in them fails the test. Only in the caller. */
#ifndef SERVICES_H
#define SERVICES_H

#include "pools.h"

#include <beget/service.h>
#include <poll.h>
#include <signal.h>

/* A service whose children start with the method. */
#define SERVICE(method_, call_, ...)                                                                                   \
	open_service(BEGET_SERVICE_OPTIONS(.start = BEGET_OPTIONS(.method = (method_)), __VA_ARGS__), call_)

static inline struct beget_service *open_service(const struct beget_service_options *options,
                                                 const struct beget_call *call)
{
	struct beget_service *service = NULL;

	good(beget_service_open(&service, options, call));
	return service;
}

/* The next event of any kind. */
static inline struct beget_service_event next_event(struct beget_service *service)
{
	struct beget_service_event event;

	good(beget_service_next(service, PATIENCE_MS, &event));
	return event;
}

/* The next event of this kind. Others are skipped, except those that end the service. */
static inline struct beget_service_event until(struct beget_service *service, enum beget_service_kind kind)
{
	for (;;) {
		struct beget_service_event event = next_event(service);
		if (event.kind == kind)
			return event;
		if (event.kind == BEGET_SERVICE_STOPPED || event.kind == BEGET_SERVICE_GAVE_UP)
			fail_msg("event %d: %s", (int)event.kind, event.text);
	}
}

/* Waits until n children are ready, and stores their pids unless pids is NULL. */
static inline void await_ready(struct beget_service *service, unsigned n, pid_t *pids)
{
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = until(service, BEGET_SERVICE_READY).pid;
		if (pids)
			pids[i] = pid;
	}
}

static inline struct beget_service_status service_status(struct beget_service *service)
{
	struct beget_service_status status;

	good(beget_service_status(service, &status));
	return status;
}

/* Stops the service, waits for the last event, and closes it. */
static inline void finish(struct beget_service *service)
{
	struct beget_service_event event;

	good(beget_service_stop(service, PATIENCE_MS));
	do
		event = next_event(service);
	while (event.kind != BEGET_SERVICE_STOPPED);
	assert_int_equal(beget_service_next(service, 0, &event), -ENOENT);
	beget_service_close(service);
}

/* Reloads with these start options, and waits until an old child has ended. */
static inline void reload_once(struct beget_service *s, const struct beget_options *start)
{
	good(beget_service_reload(s, start, NULL));
	for (unsigned reloaded = 0, ended = 0; !reloaded || !ended;) {
		struct beget_service_event e = next_event(s);
		reloaded += e.kind == BEGET_SERVICE_RELOADED;
		ended += e.kind == BEGET_SERVICE_ENDED;
	}
}

struct possessions {
	size_t bytes;
	int descriptors, processes;
};

/* Once every finishing child has ended and was reported. */
static inline struct possessions count_all(struct beget_service *s)
{
	struct beget_service_event e;

	while (service_status(s).finishing > 0)
		(void)next_event(s);
	while (beget_service_next(s, 0, &e) == 0)
		;
	return (struct possessions){heap(), count_descriptors(), count_processes()};
}

/* An edition that leaks takes more than these bytes for every second reload. The heap varies by less. */
enum { VARIATION = 10000 };

static inline void expect_no_more(struct beget_service *s, const struct possessions *before)
{
	struct possessions now = count_all(s);

	if (now.bytes > before->bytes + VARIATION)
		fail_msg("%zu bytes before, %zu now", before->bytes, now.bytes);
	assert_int_equal(now.descriptors, before->descriptors);
	assert_true(processes_settle(before->processes));
}

/* Targets. */

/* Waits until it is asked to finish. */
static inline int wait_until_asked(void)
{
	struct pollfd stop = {.fd = beget_stopping(), .events = POLLIN};

	return poll(&stop, 1, PATIENCE_MS) == 1 ? 0 : 9;
}

/* The same, and reports that it is ready once it can be asked. */
static inline int serve(void)
{
	int fd = beget_stopping();

	return fd < 0 || beget_stopping() != fd || beget_ready() ? 8 : wait_until_asked();
}

/* The same, and reports all the time that it is well. */
static inline int beat(void)
{
	struct pollfd stop = {.fd = beget_stopping(), .events = POLLIN};

	beget_ready();
	while (poll(&stop, 1, 5) == 0)
		if (beget_beat())
			return 7;
	return 0;
}

/* Counts its starts. The first few fail, with their number as the exit code. */
static inline int fail_first(struct beget_buffer *counters, int failing)
{
	int boot = add_one(counters, 0);

	if (boot <= failing)
		exit(boot);
	return serve();
}

#endif
