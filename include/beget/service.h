/* beget/service.h: services.
 *
 * A service is a number of children that run the same call and are kept running. There is no thread and no signal
 * handler: the program polls one descriptor, and one function does the work and returns events. Failures are as in
 * beget.h, and any thread may call any function. beget_service(3), beget_ready(3) */
#ifndef BEGET_SERVICE_H
#define BEGET_SERVICE_H

#include <beget.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct beget_service; /* children that are kept running */

/* Which children are replaced when they have ended. */
enum beget_restart { BEGET_RESTART_ALWAYS, BEGET_RESTART_FAILED, BEGET_RESTART_NEVER };

/* Flags of struct beget_service_options. */
#define BEGET_SERVICE_UNTIED     0x1u /* do not kill the children when the caller ends */
#define BEGET_SERVICE_ONE_BY_ONE 0x2u /* a reload replaces one child after another */

/* Options of a service. Use BEGET_SERVICE_OPTIONS. Zero is the default of each field. beget_service(3) */
struct beget_service_options {
	size_t size; /* sizeof(struct beget_service_options) */
	unsigned flags;
	enum beget_restart restart;
	unsigned children;  /* 0: the number of processors that this process may use */
	unsigned boots;     /* consecutive failures after which a service that was never healthy gives up; 0: 5 */
	unsigned recycled;  /* maximum number of children replaced at once because of their age; 0: 1 */
	int ready_ms;       /* a child must call beget_ready within this time; 0: children do not call it */
	int healthy_ms;     /* a child that has been ready for this time is healthy; 0: 1000 */
	int backoff_ms;     /* delay after the first failed start, doubled after each; 0: 100 */
	int backoff_max_ms; /* maximum of this delay; 0: 10000 */
	int grace_ms;       /* kill a child that was asked to finish after this time; 0: 10000 */
	int lifetime_ms;    /* replace a child after about this time; 0: never */
	int heartbeat_ms;   /* a child must call beget_beat within this interval; 0: no heartbeat */
	const struct beget_options *start; /* how to start each child; NULL: defaults */
};

/* Kinds of events. */
enum beget_service_kind {
	BEGET_SERVICE_STARTED = 1,   /* a child has been started */
	BEGET_SERVICE_READY,         /* a child is ready */
	BEGET_SERVICE_SILENT,        /* a child has reported nothing for ms */
	BEGET_SERVICE_RECYCLING,     /* a child will be replaced, because of its age or because it asked for it */
	BEGET_SERVICE_ENDED,         /* a child has ended; see status and text */
	BEGET_SERVICE_RESTARTING,    /* after a failure, the next start is in ms */
	BEGET_SERVICE_RELOADED,      /* the new children have taken over */
	BEGET_SERVICE_RELOAD_FAILED, /* the old children continue; text has the reason */
	BEGET_SERVICE_GAVE_UP,       /* no child has ever been healthy; text has the reason */
	BEGET_SERVICE_STOPPED,       /* the last child has ended; there are no more events */
};

/* One event. beget_service(3) */
struct beget_service_event {
	enum beget_service_kind kind;
	pid_t pid;        /* of the child; 0: none was created, or the event concerns the whole service */
	unsigned version; /* of the child: 1, plus 1 for each reload */
	unsigned reserved32;
	int64_t ms;
	struct beget_status status; /* for ENDED */
	char text[400];             /* a sentence */
	int64_t reserved[6];
};

/* Status of a service, with counters since it was opened. beget_service(3) */
struct beget_service_status {
	uint32_t wanted;   /* number of children */
	uint32_t starting; /* not ready yet */
	uint32_t ready;
	uint32_t finishing; /* asked to finish */
	uint32_t version;   /* of new children */
	uint32_t reloading; /* 1 during a reload */
	uint64_t started, failed, recycled, reloads;
	int64_t reserved[6];
};

/* Opens a service that runs the call; beget_service_next starts its children. beget_service(3) */
int beget_service_open(struct beget_service **ret, const struct beget_service_options *options,
                       const struct beget_call *call);

/* Returns a descriptor that polls readable when beget_service_next should be called; the service owns it.
 * beget_service(3) */
int beget_service_sentinel(struct beget_service *service);

/* Does the work that is due and waits for the next event, at most timeout_ms. -ENOENT: no more events.
 * beget_service(3) */
int beget_service_next(struct beget_service *service, int timeout_ms, struct beget_service_event *ret);

/* Changes the number of children. beget_service(3) */
int beget_service_scale(struct beget_service *service, unsigned children);

/* Replaces all children by new ones. NULL is the start options or the call that there are. beget_service(3) */
int beget_service_reload(struct beget_service *service, const struct beget_options *start,
                         const struct beget_call *call);

/* Sends a signal to the child with this pid, or to all children if it is 0. -ESRCH: there is none. beget_service(3) */
int beget_service_kill(struct beget_service *service, pid_t pid, int signal);

/* Asks all children to finish, and kills those that have not ended after grace_ms. Does not wait. beget_service(3) */
int beget_service_stop(struct beget_service *service, int grace_ms);

/* Reads the service's status and counters. beget_service(3) */
int beget_service_status(struct beget_service *service, struct beget_service_status *ret);

/* Kills the remaining children and frees the service. NULL is allowed. beget_service(3) */
void beget_service_close(struct beget_service *service);

/* In a child: reports that it is ready. beget_ready(3) */
int beget_ready(void);

/* In a child: returns a descriptor that polls readable when the child is asked to finish; the library owns it.
 * beget_ready(3) */
int beget_stopping(void);

/* In a child: reports that it is well. beget_ready(3) */
int beget_beat(void);

/* In a child: asks for a replacement. When that is ready, this child is asked to finish. beget_ready(3) */
int beget_recycle(void);

/* Options, as .field = value, ... */
/* clang-format off */
#define BEGET_SERVICE_OPTIONS(...) \
	(&(const struct beget_service_options){ .size = sizeof(struct beget_service_options), __VA_ARGS__ })
/* clang-format on */

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
